// What ends a program: a pointer that is none of its blocks.

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static char buffer[256];

int main(int count, char** arguments) {
  const char* const what = count > 1 ? arguments[1] : "";
  char* volatile block = malloc(100);
  char* volatile foreign = buffer + 64;
  memset(block, 0, 100);
  if (strcmp(what, "interior") == 0) free(block + 32);
  if (strcmp(what, "odd") == 0) free(block + 1);
  if (strcmp(what, "foreign") == 0) free(foreign);
  if (strcmp(what, "local") == 0) {
    char local[256];
    char* volatile inner = local + 64;
    memset(inner, 0, 10);
    free(inner);
  }
  if (strcmp(what, "twice") == 0) {
    free(block);
    free(block);
  }
  if (strcmp(what, "realloc") == 0) block = realloc(foreign, 10);
  if (strcmp(what, "usable") == 0) return malloc_usable_size(foreign) != 0;
  return 0;
}
