// The kernels for one kind of processor: compiled once for each, with TABLE and NAME
// naming the result.
#include <omp.h>

#include <cstdlib>

#include "training.h"

namespace {

// Memory that a thread of the caller's keeps from call to call, since fresh pages cost more than
// what is computed in them.
class Scratch {
    char* at_ = nullptr;
    int64_t size_ = 0;

public:
    ~Scratch() { std::free(at_); }
    char* get(int64_t bytes) {
        if (bytes > size_) {
            std::free(at_);
            size_ = round_up(bytes + bytes / 4, 4096);
            at_ = static_cast<char*>(std::aligned_alloc(4096, size_));
            if (!at_) std::abort();
        }
        return at_;
    }
};
thread_local Scratch scratch;

// Parts of one piece of memory, each beginning a cache line.
struct Cut {
    char* at;
    template <class T>
    T* take(int64_t bytes) {
        char* here = at;
        at += round_up(bytes, 64);
        return reinterpret_cast<T*>(here);
    }
};

constexpr int64_t EACH_ITS_OWN = 8;  // up to so many rows, every thread rounds all of them itself

// Rounds all rows, together or each thread for itself; `row(i, y)` writes row i as floats.
template <class Row>
Rows round_all(const Weight& w, int64_t rows, int thread, int threads, const Shelf& shared,
               const Shelf& own, float* y, Row&& row) {
    const bool alone = rows <= EACH_ITS_OWN;
    const Shelf& shelf = alone ? own : shared;
    const int64_t begin = alone ? 0 : rows * thread / threads;
    const int64_t end = alone ? rows : rows * (thread + 1) / threads;
    for (int64_t i = begin; i < end; i++) {
        const float* floats = row(i, y);
        round_row(w, floats, i, shelf);
    }
    if (!alone) {
#pragma omp barrier
    }
    return shelf.rows(w);
}

// A row that lies in memory already, padded.
inline const float* padded(const float* x, int64_t n, float* y) {
    if (n % PANEL == 0) return x;
    std::memcpy(y, x, n * sizeof(float));
    pad(y, n);
    return y;
}

void linear(const Weight* weight, const float* x, float* out, int64_t rows, int threads) {
    const Weight& w = *weight;
    const int64_t wide = round_up(w.inputs, PANEL);
    const int64_t shelf = round_up(Shelf::bytes(rows, w.inputs), 64);
    const int64_t each_own = round_up(Shelf::bytes(EACH_ITS_OWN, w.inputs), 64) + wide * 4 + 64;
    char* memory = scratch.get(shelf + threads * each_own);
#pragma omp parallel num_threads(threads)
    {
        const int thread = omp_get_thread_num(), count = omp_get_num_threads();
        Cut cut{memory + shelf + thread * each_own};
        const Shelf shared(memory, rows, w.inputs);
        const Shelf own(cut.take<char>(Shelf::bytes(EACH_ITS_OWN, w.inputs)), EACH_ITS_OWN, w.inputs);
        float* y = cut.take<float>(wide * 4);
        const Rows a = round_all(w, rows, thread, count, shared, own, y, [&](int64_t i, float* to) {
            return padded(x + i * w.inputs, w.inputs, to);
        });
        product(w, a, rows, thread, count, [&](int64_t row, int64_t column, int n, float* values) {
            std::memcpy(out + row * w.columns + column, values, n * sizeof(float));
        });
    }
}

template <class Number, class Kind>
void whole_block(const Block& b, const Room& past, const float* x, float* out, int64_t batch,
                 int64_t length, int threads) {
    const int64_t rows = batch * length, C = b.width, d = C / b.heads;
    const int64_t inner = b.c_fc.columns, widest = inner > C ? inner : C;
    const int64_t deep = round_up(inner, PANEL);
    const int64_t shelf = round_up(Shelf::bytes(rows, widest), 64);
    const int64_t stream = round_up(rows * C * 4, 64);
    const int64_t own_shelf = round_up(Shelf::bytes(EACH_ITS_OWN, widest), 64);
    const int64_t row_bytes = round_up(widest, PANEL) * 4;
    const int64_t own = round_up(own_shelf + row_bytes +
                                 attention_bytes(past.start + length, d), 4096);
    const int64_t bent_bytes = round_up(rows * deep * 4, 64);
    char* memory = scratch.get(shelf + 3 * stream + bent_bytes + threads * own);
    Cut shared_cut{memory};
    char* shared_shelf = shared_cut.take<char>(shelf);
    float* q = shared_cut.take<float>(stream);
    float* z = shared_cut.take<float>(stream);
    float* middle = shared_cut.take<float>(stream);
    float* bent = shared_cut.take<float>(bent_bytes);
    char* owns = shared_cut.at;
    auto* keys = static_cast<Number*>(past.k);
    auto* values = static_cast<Number*>(past.v);
    const float shrink = 1 / std::sqrt(float(d));

#pragma omp parallel num_threads(threads)
    {
        const int thread = omp_get_thread_num(), count = omp_get_num_threads();
        Cut cut{owns + thread * own};
        const Shelf shared(shared_shelf, rows, widest);
        const Shelf mine(cut.take<char>(own_shelf), EACH_ITS_OWN, widest);
        float* y = cut.take<float>(row_bytes);

        // q, scaled, and the new keys and values in their places
        const Rows normed_1 = round_all(
            b.c_attn, rows, thread, count, shared, mine, y, [&](int64_t i, float* to) {
                layer_norm(x + i * C, C, b.ln_1_weight, b.ln_1_bias, b.eps, to);
                pad(to, C);
                return to;
            });
        product(b.c_attn, normed_1, rows, thread, count,
                [&](int64_t row, int64_t column, int n, const float* at) {
                    for (int done = 0; done < n;) {
                        const int64_t part = (column + done) / C, channel = (column + done) % C;
                        const int64_t head = channel / d, i = channel % d;
                        const int64_t run = n - done < d - i ? n - done : d - i;
                        const float* from = at + done;
                        if (part == 0) {
                            float* to = q + row * C + channel;
                            for (int64_t j = 0; j < run; j++) to[j] = from[j] * shrink;
                        } else {
                            const int64_t sequence = row / length;
                            const int64_t place = past.start + row % length;
                            Number* to = (part == 1 ? keys : values) +
                                         ((sequence * b.heads + head) * past.room + place) * d + i;
                            for (int64_t j = 0; j < run; j++) store_float(to + j, from[j]);
                        }
                        done += int(run);
                    }
                });
#pragma omp barrier
        attend<Number, Kind>({q, z, batch, length, b.heads, d, past.start, past.room}, keys, values,
                             thread, count, cut.at);
#pragma omp barrier
        const Rows merged = round_all(
            b.attn_c_proj, rows, thread, count, shared, mine, y,
            [&](int64_t i, float* to) { return padded(z + i * C, C, to); });
        product(b.attn_c_proj, merged, rows, thread, count,
                [&](int64_t row, int64_t column, int n, const float* at) {
                    const float* from = x + row * C + column;
                    float* to = middle + row * C + column;
                    for (int j = 0; j < n; j++) to[j] = from[j] + at[j];
                });
#pragma omp barrier
        const Rows normed_2 = round_all(
            b.c_fc, rows, thread, count, shared, mine, y, [&](int64_t i, float* to) {
                layer_norm(middle + i * C, C, b.ln_2_weight, b.ln_2_bias, b.eps, to);
                pad(to, C);
                return to;
            });
        product(b.c_fc, normed_2, rows, thread, count,
                [&](int64_t row, int64_t column, int n, float* at) {
                    bend(b.activation, at);
                    std::memcpy(bent + row * deep + column, at, n * sizeof(float));
                });
#pragma omp barrier
        const Rows wide = round_all(
            b.mlp_c_proj, rows, thread, count, shared, mine, y, [&](int64_t i, float*) {
                pad(bent + i * deep, inner);
                return bent + i * deep;
            });
        product(b.mlp_c_proj, wide, rows, thread, count,
                [&](int64_t row, int64_t column, int n, const float* at) {
                    const float* from = middle + row * C + column;
                    float* to = out + row * C + column;
                    for (int j = 0; j < n; j++) to[j] = from[j] + at[j];
                });
    }
}

// Keys and values are kept in float32 beside float32 weights, and in bfloat16 beside all others.
void block(const Block* b, const Room* past, const float* x, float* out, int64_t batch,
           int64_t length, int threads) {
    if (b->c_attn.kind == FLOAT32)
        whole_block<float, Float32>(*b, *past, x, out, batch, length, threads);
    else
        whole_block<uint16_t, Bfloat16>(*b, *past, x, out, batch, length, threads);
}

// Every head of every sequence, each by one thread, in memory of its own.
void attend_heads(const Attention* attention, int backward, int threads) {
    const Attention& a = *attention;
    const int64_t tasks = a.batch * a.heads;
#pragma omp parallel num_threads(threads)
    {
        char* memory = scratch.get(training_bytes(a));
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < tasks; task++)
            attend_head_of(a, task / a.heads, task % a.heads, backward, Pieces{memory});
    }
}

const Table table{NAME, linear, block, attend_heads};

}  // namespace

const Table* const TABLE = &table;
