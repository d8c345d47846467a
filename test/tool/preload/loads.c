// A program in C that loads libraries in C++, in threads. And one that forks where a library's thread is at work.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

static void* load(void* file) {
  for (int round = 0; round != 20; ++round) {
    void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    EXPECT(library != NULL);
    int (*const works)(void) = (int (*)(void))dlsym(library, "plugin_works");
    EXPECT(works != NULL && works() == 1);
    int (*const catches)(void) = (int (*)(void))dlsym(library, "plugin_catches_bad_alloc");
    EXPECT(catches != NULL && catches() == 1);
    EXPECT(dlsym(library, "no such name") == NULL && dlerror() != NULL);
    EXPECT(dlclose(library) == 0);
  }
  return NULL;
}

int main(int count, char** arguments) {
  if (count == 2) {
    pthread_t threads[4];
    for (int i = 0; i != 4; ++i) EXPECT(pthread_create(&threads[i], NULL, load, arguments[1]) == 0);
    for (int i = 0; i != 4; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
  } else {
    void* (*const swap)(void*) = (void* (*)(void*))dlsym(RTLD_DEFAULT, "early_swap");
    EXPECT(swap != NULL);
    for (int i = 0; i != 100; ++i) {
      void* const theirs = swap(malloc(500));
      EXPECT(strcmp(theirs, "early") == 0);
      free(theirs);
    }
    for (int i = 0; i != 20; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        free(swap(malloc(500)));
        _exit(0);
      }
      int status = 0;
      EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }
  puts("all is well");
  return 0;
}
