/* Read a reference pack, compare your numbers with it, and dump your own: pellucid.c has the code.

   A dump is a file of tensors, each behind a line of text:

       pellucid-dump 1
       h.0.attn.att float32 3 6 6
       (3 * 6 * 6 numbers, little-endian, row by row)

   `pellucid compare mine.bin PACK` reads it. Every function ends the program with one line where
   a file is not as it must be: a port that goes on with wrong numbers is of no use to anybody. */

#ifndef PELLUCID_H
#define PELLUCID_H

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PELLUCID_AXES = 8, PELLUCID_NAME = 512 };

typedef struct {
    char name[PELLUCID_NAME];
    char dtype[16];               /* float32, float64, float16, bfloat16, int32, int64, uint8 */
    int axes;
    int64_t shape[PELLUCID_AXES];
    int64_t count;                /* of numbers: the product of the shape, 1 of a scalar */
    int64_t offset;               /* of the first, in bytes from the beginning of the file */
    void *numbers;                /* NULL until they are asked for */
} pellucid_tensor;

typedef struct {
    const char *path;
    FILE *file;
    pellucid_tensor *tensors;
    int count;
} pellucid_file;

pellucid_file pellucid_open(const char *path);
void pellucid_close(pellucid_file *file);

/* A tensor by its name; NULL where there is none. */
pellucid_tensor *pellucid_find(const pellucid_file *file, const char *name);

/* The numbers of a tensor that must be there, with so many of them; count -1: as many as it has.
   They stay until the file is closed, and are yours to change. */
float *pellucid_floats(pellucid_file *file, const char *name, int64_t count);
double *pellucid_doubles(pellucid_file *file, const char *name, int64_t count);
int32_t *pellucid_ints(pellucid_file *file, const char *name, int64_t count);
uint8_t *pellucid_bytes(pellucid_file *file, const char *name, int64_t count);

/* The largest distance, in parts of the largest right number; 1e300 where one is NaN alone. */
double pellucid_apart(const float *mine, const float *right, int64_t count);

/* Your own tensors, into a file for `pellucid compare`. A scalar has 0 axes and no shape. */
FILE *pellucid_dump_begin(const char *path);
void pellucid_dump(FILE *dump, const char *name, const float *numbers, int axes,
                   const int64_t *shape);
void pellucid_dump_as(FILE *dump, const char *name, const char *dtype, const void *numbers,
                      int axes, const int64_t *shape);
void pellucid_dump_end(FILE *dump);

/* The last two arguments of a dump at once: pellucid_dump(f, "logits", logits, SHAPE(T, V)). */
#define SHAPE(...)                                              \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
        (const int64_t[]){__VA_ARGS__}

#ifdef __cplusplus
}
#endif
#endif
