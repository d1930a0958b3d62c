/* The reader and the dumper that pellucid.h describes. Standard C99, for little-endian machines. */

#include "pellucid.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "pellucid-dump 1\n"

static const struct {
    const char *dtype;
    int bytes;
} DTYPES[] = {{"float32", 4}, {"float64", 8},  {"int32", 4}, {"uint8", 1},
              {"int64", 8},   {"bfloat16", 2}, {"float16", 2}};

static void fail(const char *form, ...) {
    va_list said;
    va_start(said, form);
    fputs("pellucid: ", stderr);
    vfprintf(stderr, form, said);
    fputs("\n", stderr);
    va_end(said);
    exit(2);
}

static int bytes_of(const char *dtype) {
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
        if (strcmp(DTYPES[i].dtype, dtype) == 0) return DTYPES[i].bytes;
    return 0;
}

static void *memory(size_t bytes) {
    void *found = malloc(bytes ? bytes : 1);
    if (!found) fail("there is no memory for %zu bytes", bytes);
    return found;
}

/* Go to a byte, counted from the beginning or from the end, and say where that is. */
static int64_t go_to(const pellucid_file *file, int64_t offset, int from) {
#ifdef _WIN32
    int gone = _fseeki64(file->file, offset, from);
    int64_t at = _ftelli64(file->file);
#else
    int gone = fseek(file->file, (long)offset, from);
    int64_t at = ftell(file->file);
#endif
    if (gone || at < 0) fail("%s cannot be read at byte %lld", file->path, (long long)offset);
    return at;
}

/* Name, dtype and sizes of a line; 0 where it is no such line. */
static int parse(char *line, pellucid_tensor *tensor) {
    char *word = strtok(line, " "), *dtype = strtok(NULL, " "), *rest;
    if (!word || !dtype || strlen(word) >= PELLUCID_NAME || !bytes_of(dtype)) return 0;
    strcpy(tensor->name, word);
    strcpy(tensor->dtype, dtype);
    tensor->count = 1;
    while ((word = strtok(NULL, " ")) != NULL) {
        if (tensor->axes == PELLUCID_AXES) return 0;
        int64_t size = strtoll(word, &rest, 10);
        if (*rest || size < 0 || (size && tensor->count > INT64_MAX / 16 / size)) return 0;
        tensor->shape[tensor->axes++] = size;
        tensor->count *= size;
    }
    return 1;
}

pellucid_file pellucid_open(const char *path) {
    pellucid_file opened = {path, fopen(path, "rb"), NULL, 0};
    char line[1024];
    if (!opened.file) fail("%s cannot be opened", path);
    if (!fgets(line, sizeof line, opened.file) || strcmp(line, FIRST_LINE) != 0)
        fail("%s must begin with the line pellucid-dump 1", path);
    int64_t end = go_to(&opened, 0, SEEK_END);
    int64_t at = go_to(&opened, (int64_t)strlen(FIRST_LINE), SEEK_SET);
    while (fgets(line, sizeof line, opened.file)) {
        pellucid_tensor tensor = {0};
        size_t length = strlen(line);
        at += (int64_t)length;
        if (length && line[length - 1] == '\n') line[length - 1] = 0;
        if (!parse(line, &tensor)) fail("%s has no line of a tensor where one must be", path);
        tensor.offset = at;
        at += tensor.count * bytes_of(tensor.dtype);
        size_t room = sizeof tensor * (size_t)(opened.count + 1);
        opened.tensors = realloc(opened.tensors, room);
        if (!opened.tensors) fail("there is no memory for %zu bytes", room);
        opened.tensors[opened.count++] = tensor;
        if (at > end) fail("%s ends within %s", path, tensor.name);
        go_to(&opened, at, SEEK_SET);
    }
    return opened;
}

void pellucid_close(pellucid_file *file) {
    for (int i = 0; i < file->count; i++) free(file->tensors[i].numbers);
    free(file->tensors);
    fclose(file->file);
    *file = (pellucid_file){0};
}

pellucid_tensor *pellucid_find(const pellucid_file *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

static void *numbers_of(pellucid_file *file, const char *name, const char *dtype, int64_t count) {
    pellucid_tensor *tensor = pellucid_find(file, name);
    if (!tensor) fail("%s has no %s", file->path, name);
    if (strcmp(tensor->dtype, dtype) != 0)
        fail("%s is of %s in %s, and %s is asked for", name, tensor->dtype, file->path, dtype);
    if (count >= 0 && count != tensor->count)
        fail("%s has %lld numbers in %s, and %lld are asked for", name, (long long)tensor->count,
             file->path, (long long)count);
    if (!tensor->numbers) {
        size_t bytes = (size_t)(tensor->count * bytes_of(dtype));
        tensor->numbers = memory(bytes);
        go_to(file, tensor->offset, SEEK_SET);
        if (fread(tensor->numbers, 1, bytes, file->file) != bytes)
            fail("%s ends within %s", file->path, name);
    }
    return tensor->numbers;
}

float *pellucid_floats(pellucid_file *file, const char *name, int64_t count) {
    return numbers_of(file, name, "float32", count);
}

double *pellucid_doubles(pellucid_file *file, const char *name, int64_t count) {
    return numbers_of(file, name, "float64", count);
}

int32_t *pellucid_ints(pellucid_file *file, const char *name, int64_t count) {
    return numbers_of(file, name, "int32", count);
}

uint8_t *pellucid_bytes(pellucid_file *file, const char *name, int64_t count) {
    return numbers_of(file, name, "uint8", count);
}

double pellucid_apart(const float *mine, const float *right, int64_t count) {
    double apart = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        if (mine[i] == right[i] || (isnan(mine[i]) && isnan(right[i]))) {
            if (isfinite(right[i])) largest = fmax(largest, fabs(right[i]));
            continue;
        }
        double off = fabs((double)mine[i] - right[i]);
        if (!isfinite(off)) return 1e300;
        apart = fmax(apart, off);
        largest = fmax(largest, fabs(right[i]));
    }
    return largest > 0 ? apart / largest : apart;
}

FILE *pellucid_dump_begin(const char *path) {
    FILE *dump = fopen(path, "wb");
    if (!dump) fail("%s cannot be written", path);
    fputs(FIRST_LINE, dump);
    return dump;
}

void pellucid_dump_as(FILE *dump, const char *name, const char *dtype, const void *numbers,
                      int axes, const int64_t *shape) {
    size_t count = 1, bytes = (size_t)bytes_of(dtype);
    if (!bytes) fail("%s is of %s, which a dump cannot have", name, dtype);
    fprintf(dump, "%s %s", name, dtype);
    for (int i = 0; i < axes; i++) {
        fprintf(dump, " %lld", (long long)shape[i]);
        count *= (size_t)shape[i];
    }
    fputs("\n", dump);
    if (fwrite(numbers, bytes, count, dump) != count) fail("%s cannot be written", name);
}

void pellucid_dump(FILE *dump, const char *name, const float *numbers, int axes,
                   const int64_t *shape) {
    pellucid_dump_as(dump, name, "float32", numbers, axes, shape);
}

void pellucid_dump_end(FILE *dump) {
    if (fclose(dump)) fail("the dump cannot be written to its end");
}
