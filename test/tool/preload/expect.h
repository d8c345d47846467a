// For the programs that run on liballot_preload.so: they say what is wrong, and end with 1.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)
