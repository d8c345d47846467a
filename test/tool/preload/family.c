// Every function of malloc's family, at the edges of what it takes.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"

// Of values that a compiler does not see through.
static void* volatile kept;
static volatile size_t zero = 0;

static void* keep(void* p) {
  kept = p;
  return kept;
}

static void fill(void* p, size_t bytes, unsigned seed) {
  for (size_t i = 0; i != bytes; ++i) ((unsigned char*)p)[i] = (unsigned char)(i * 31 + seed);
}

static int is_filled(const void* p, size_t bytes, unsigned seed) {
  for (size_t i = 0; i != bytes; ++i)
    if (((const unsigned char*)p)[i] != (unsigned char)(i * 31 + seed)) return 0;
  return 1;
}

static int is_aligned(const void* p, size_t alignment) { return (uintptr_t)p % alignment == 0; }

// All that is said to be usable is, and nobody else has it.
static void use_all(void* p, size_t bytes, size_t alignment) {
  EXPECT(p != NULL);
  EXPECT(is_aligned(p, alignment));
  const size_t usable = malloc_usable_size(p);
  EXPECT(usable >= bytes);
  void* const neighbour = keep(malloc(bytes));
  EXPECT(neighbour != NULL);
  fill(neighbour, bytes, 1);
  fill(p, usable, 2);
  EXPECT(is_filled(neighbour, bytes, 1));
  fill(neighbour, malloc_usable_size(neighbour), 3);
  EXPECT(is_filled(p, usable, 2));
  free(neighbour);
  EXPECT(is_filled(p, usable, 2));
}

static void no_bytes(void) {
  void* const a = keep(malloc(zero));
  void* const b = keep(malloc(zero));
  EXPECT(a != NULL && b != NULL && a != b);
  free(a);
  free(b);
  void* const c = keep(calloc(zero, 8));
  void* const d = keep(calloc(8, zero));
  EXPECT(c != NULL && d != NULL && c != d);
  free(c);
  free(d);
  void* const e = keep(aligned_alloc(64, zero));
  EXPECT(e != NULL && is_aligned(e, 64));
  free(e);
  void* const f = keep(valloc(zero));
  void* const g = keep(pvalloc(zero));
  EXPECT(f != NULL && g != NULL && is_aligned(f, 4096) && is_aligned(g, 4096));
  free(f);
  free(g);
  free(NULL);
  EXPECT(malloc_usable_size(NULL) == 0);
  void* const h = keep(realloc(NULL, zero));
  EXPECT(h != NULL);
  EXPECT(keep(realloc(h, zero)) == NULL);
  void* const i = keep(reallocarray(NULL, zero, zero));
  EXPECT(i != NULL);
  EXPECT(keep(reallocarray(i, zero, 8)) == NULL);
}

#define REFUSED(call, error)    \
  do {                          \
    errno = 0;                  \
    EXPECT(keep(call) == NULL); \
    EXPECT(errno == (error));   \
  } while (0)

static void too_much(void) {
  const size_t sizes[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096, SIZE_MAX - 15, SIZE_MAX};
  for (size_t i = 0; i != sizeof sizes / sizeof *sizes; ++i) {
    const size_t bytes = sizes[i] - zero;
    REFUSED(malloc(bytes), ENOMEM);
    REFUSED(calloc(1, bytes), ENOMEM);
    REFUSED(calloc(bytes, 1), ENOMEM);
    REFUSED(aligned_alloc(64, bytes), ENOMEM);
    REFUSED(memalign(64, bytes), ENOMEM);
    REFUSED(memalign(1 << 20, bytes), ENOMEM);
    REFUSED(valloc(bytes), ENOMEM);
    REFUSED(pvalloc(bytes), ENOMEM);
    REFUSED(realloc(NULL, bytes), ENOMEM);
    void* const block = keep(malloc(100));
    fill(block, 100, 4);
    REFUSED(realloc(block, bytes), ENOMEM);
    REFUSED(reallocarray(block, bytes, 1), ENOMEM);
    EXPECT(is_filled(block, 100, 4));  // it stays
    free(block);
    void* place = &place;
    errno = 77;
    EXPECT(posix_memalign(&place, 64, bytes) == ENOMEM);
    EXPECT(errno == 77 && place == &place);
  }
  REFUSED(calloc(SIZE_MAX / 2 - zero, 3), ENOMEM);
  REFUSED(calloc((size_t)1 << 33, (size_t)1 << 31), ENOMEM);
  REFUSED(reallocarray(NULL, SIZE_MAX / 2 - zero, 3), ENOMEM);
  REFUSED(reallocarray(NULL, (size_t)1 << 32, ((size_t)1 << 32) + zero), ENOMEM);
}

static void alignments(void) {
  for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2) {
    for (size_t bytes = 1; bytes <= 1 << 20; bytes = bytes * 7 + 1) {
      void* p = keep(aligned_alloc(alignment, bytes));
      use_all(p, bytes, alignment);
      free(p);
      p = keep(memalign(alignment, bytes));
      use_all(p, bytes, alignment);
      fill(p, bytes, 5);
      p = keep(realloc(p, bytes * 3));
      EXPECT(p != NULL && is_filled(p, bytes, 5));
      free(p);
      errno = 77;
      const int answer = posix_memalign(&p, alignment, bytes);
      EXPECT(errno == 77);
      EXPECT(answer == (alignment < sizeof(void*) ? EINVAL : 0));
      if (answer != 0) continue;
      use_all(p, bytes, alignment);
      free(p);
    }
  }
  const size_t wrong[] = {0, 3, 24, 48, 100, ((size_t)1 << 20) + 16, SIZE_MAX};
  for (size_t i = 0; i != sizeof wrong / sizeof *wrong; ++i) {
    const size_t alignment = wrong[i] - zero;
    void* place = &place;
    REFUSED(aligned_alloc(alignment, 64), EINVAL);
    EXPECT(posix_memalign(&place, alignment, 64) == EINVAL && place == &place);
  }
  // As in glibc: the next power of two.
  void* p = keep(memalign(48 - zero, 100));
  use_all(p, 100, 64);
  free(p);
  p = keep(memalign(zero, 100));
  use_all(p, 100, 16);
  free(p);
  REFUSED(memalign(SIZE_MAX - zero, 100), EINVAL);
  REFUSED(memalign(((size_t)1 << 62) - zero, 100), ENOMEM);
  REFUSED(aligned_alloc(((size_t)1 << 63) - zero, 100), ENOMEM);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  p = keep(valloc(10));
  use_all(p, 10, page);
  free(p);
  p = keep(pvalloc(page + 1));
  use_all(p, 2 * page, page);
  free(p);
}

static void zeros(void) {
  for (int round = 0; round != 3; ++round)
    for (size_t bytes = 1; bytes <= 3 << 20; bytes = bytes * 3 + 1) {
      unsigned char* const p = keep(calloc(bytes, 1));
      EXPECT(p != NULL);
      for (size_t i = 0; i != bytes; ++i) EXPECT(p[i] == 0);
      use_all(p, bytes, 16);
      free(p);
    }
}

static void sizes_that_change(void) {
  for (size_t bytes = 1; bytes <= 1 << 21; bytes = bytes * 3 + 1) {
    void* p = keep(malloc(bytes));
    use_all(p, bytes, 16);
    fill(p, bytes, 6);
    p = keep(realloc(p, bytes * 5));
    EXPECT(p != NULL && is_filled(p, bytes, 6));
    use_all(p, bytes * 5, 16);
    fill(p, bytes * 5, 7);
    p = keep(realloc(p, bytes * 5 - 1));
    EXPECT(p != NULL && is_filled(p, bytes * 5 - 1, 7));
    p = keep(reallocarray(p, bytes, 1));
    EXPECT(p != NULL && is_filled(p, bytes, 7));
    use_all(p, bytes, 16);
    p = keep(realloc(p, 1));
    EXPECT(p != NULL && malloc_usable_size(p) < 256);  // a large block is not kept for a byte
    free(p);
  }
  char* text = keep(malloc(1));
  for (size_t length = 1; length != 20000; ++length) {
    text = keep(realloc(text, length));
    EXPECT(text != NULL);
    text[length - 1] = (char)length;
  }
  for (size_t length = 20000 - 1; length != 1; --length) {
    EXPECT(text[length - 1] == (char)length);
    text = keep(realloc(text, length));
    EXPECT(text != NULL);
  }
  free(text);
}

static void sized_frees(void) {
  void (*const free_sized)(void*, size_t) = (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  void (*const free_aligned_sized)(void*, size_t, size_t) =
      (void (*)(void*, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
  EXPECT(free_sized != NULL && free_aligned_sized != NULL);
  for (size_t bytes = 1; bytes <= 1 << 20; bytes = bytes * 3 + 1) {
    free_sized(keep(malloc(bytes)), bytes);
    free_aligned_sized(keep(aligned_alloc(256, bytes)), 256, bytes);
  }
  free_sized(NULL, 5);
  free_aligned_sized(NULL, 64, 5);
}

static void errno_after_free(void) {
  for (size_t bytes = 1; bytes <= 8 << 20; bytes = bytes * 3 + 1) {
    void* const p = keep(malloc(bytes));
    errno = 77;
    free(p);
    EXPECT(errno == 77);
  }
  errno = 77;
  free(NULL);
  EXPECT(errno == 77);
}

static void many_at_once(void) {
  enum { count = 5000 };
  static void* blocks[count];
  for (unsigned round = 0; round != 3; ++round) {
    for (unsigned i = 0; i != count; ++i) {
      blocks[i] = malloc(i % 700 + 1);
      EXPECT(blocks[i] != NULL);
      fill(blocks[i], i % 700 + 1, i);
    }
    for (unsigned i = round; i < count; i += 2) {
      EXPECT(is_filled(blocks[i], i % 700 + 1, i));
      free(blocks[i]);
      blocks[i] = NULL;
    }
    for (unsigned i = 0; i != count; ++i) {
      if (blocks[i] != NULL) EXPECT(is_filled(blocks[i], i % 700 + 1, i));
      free(blocks[i]);
    }
  }
}

int main(void) {
  no_bytes();
  too_much();
  alignments();
  zeros();
  sizes_that_change();
  sized_frees();
  errno_after_free();
  many_at_once();
  puts("all is well");
  return 0;
}
