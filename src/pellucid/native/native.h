// What the library and Python agree on; library.py declares the same.
#pragma once
#include <cstdint>

extern "C" {

// The forms that a weight may be packed in; see packing.py for the layout of each.
enum Kind : int32_t { FLOAT32 = 0, BFLOAT16 = 1, INT8 = 2, INT4 = 3, Q4_1 = 4, Q8_0 = 5 };

enum Activation : int32_t { GELU_TANH = 0, GELU_ERF = 1, RELU = 2 };

// out = x weight + bias, the weight in panels of 64 columns.
struct Weight {
    const void* data;
    const float* scale;    // INT8: of each column
    const int32_t* sum;    // INT8: each column's sum of quantized values
    const float* bias;     // or null
    int32_t inputs;        // m
    int32_t columns;       // n
    int32_t kind;
    int32_t unused;
};

// A pre-norm block of GPT-2's.
struct Block {
    Weight c_attn, attn_c_proj, c_fc, mlp_c_proj;
    const float *ln_1_weight, *ln_1_bias, *ln_2_weight, *ln_2_bias;  // biases may be null
    int32_t width, heads, activation;
    float eps;
};

// Keys and values (batch, heads, room, d), of which `start` positions hold something.
struct Room {
    void *k, *v;
    int64_t room, start;
};

// Causal attention for training, on tensors (batch, heads, length, d), float32 or bfloat16, with the
// strides of the first three dimensions; logsumexp is (batch, heads, length). The forward writes z
// and logsumexp; the backward reads them and writes dq, dk and dv.
struct Attention {
    const void *q, *k, *v;
    void* z;
    float* logsumexp;
    const void* dz;
    void *dq, *dk, *dv;
    int64_t q_strides[3], k_strides[3], v_strides[3], z_strides[3], dz_strides[3];
    int64_t dq_strides[3], dk_strides[3], dv_strides[3];
    int64_t batch, heads, length, d;
    int64_t kind;
};

struct Table {
    const char* name;
    void (*linear)(const Weight*, const float* x, float* out, int64_t rows, int threads);
    void (*block)(const Block*, const Room*, const float* x, float* out, int64_t batch,
                  int64_t length, int threads);
    void (*attend)(const Attention*, int backward, int threads);
};
}

// One table for each kind of processor that the library was built for.
extern const Table* const table_portable;
extern const Table* const table_avx2;
extern const Table* const table_avx512;
extern const Table* const table_dotprod;
