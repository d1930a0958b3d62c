// What the library and Python agree on; library.py declares the same.
#pragma once
#include <cstdint>

extern "C" {

// The forms that a weight may be packed in; see packing.py for the layout of each.
enum Kind : int32_t { FLOAT32 = 0, BFLOAT16 = 1, INT8 = 2, INT4 = 3, Q4_0 = 4, Q4_1 = 5 };

enum Activation : int32_t { GELU_TANH = 0, GELU_ERF = 1, RELU = 2, SILU = 3 };

enum NormKind : int32_t { NO_NORM = 0, LAYER_NORM = 1, RMS_NORM = 2 };

// out = x weight + bias, the weight in panels of 64 columns.
struct Weight {
    const void* data;
    const float* scale;    // INT4: of each column
    const float* bias;     // or null
    int32_t inputs;        // m
    int32_t columns;       // n
    int32_t kind;
    int32_t unused;
};

struct Norm {
    const float *weight, *bias;  // the bias may be null
    float eps;
    int32_t kind;
};

// A pre-norm block: attention, then a feed-forward network, each added to the stream. Where a weight
// has no data it is not there: without k and v, q has the columns of all three, and without a gate
// the network bends what `up` gives.
struct Block {
    Norm before_attention, of_queries, of_keys, before_mlp;
    Weight q, k, v, out, gate, up, down;
    int32_t width, heads, kv_heads, head_size;
    int32_t activation;
    int32_t turned;    // queries and keys are turned by their positions
    int32_t windowed;  // they look no further back than `sight` says
    int32_t unused;
};

// What a call computes: the stream x (batch, length, width) passes the blocks, and a last norm.
// Keys and values of a block lie one block behind another's, in panels of 64 positions as
// attention.h has them, with `room` for so many positions, of which `start` are written.
struct Pass {
    const float* x;
    float* out;
    void *keys, *values;
    const float *cos, *sin;  // (length, d / 2), by how much queries and keys are turned
    const uint8_t* sight;    // (length, start + length), 1 where a query may look at a key
    int64_t batch, length, room, start;
    int32_t kept;            // keys and values are FLOAT32 or BFLOAT16
    int32_t threads;
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

// A weight of a model, its gradient and AdamW's moments: as they were, and where they are written.
struct Leaf {
    const float *weight, *m, *v;
    const void* slope;  // the gradient
    float *new_weight, *new_m, *new_v;
    uint16_t* copy;  // the new weight in bfloat16, or null
    int64_t count;
    int32_t kind;  // of the gradient: FLOAT32 or BFLOAT16
    float decay;
};

// What a step of AdamW is told: corrections are 1 / (1 - β^t), and factor is what clipping leaves.
struct Rates {
    float rate, beta1, beta2, eps, correction1, correction2, factor;
};

struct Table {
    const char* name;
    void (*linear)(const Weight*, const float* x, float* out, int64_t rows, int threads);
    void (*blocks)(const Block*, int count, const Norm* last, const Pass*);
    void (*attend)(const Attention*, int backward, int threads);
    void (*square_sums)(const Leaf*, int64_t leaves, double* sums, int threads);
    void (*adamw)(const Leaf*, int64_t leaves, const Rates*, int threads);
};
}

// One table for each kind of processor that the library was built for.
extern const Table* const table_portable;
extern const Table* const table_avx2;
extern const Table* const table_avx512;
extern const Table* const table_dotprod;
