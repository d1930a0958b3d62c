// AdamW: every weight, gradient and moment of a model is read once and written once.
#pragma once
#include "native.h"
#include "vectors.h"

namespace {

constexpr int64_t PIECE = 4096;  // numbers whose squares are added up in float32

// As PyTorch rounds: what is not a number stays none.
inline uint16_t copied(float x) { return x == x ? to_bfloat16(x) : uint16_t(0x7fc0); }

template <class Number>
double squares_of(const Leaf& leaf, int64_t from, int64_t to) {
    const auto* slope = static_cast<const Number*>(leaf.slope);
    Floats sums{};
    float rest = 0;
    each(to - from,
         [&](int64_t i) {
             const Floats x = load_floats(slope + from + i);
             sums += x * x;
         },
         [&](int64_t i) {
             const float x = load_float(slope + from + i);
             rest += x * x;
         });
    return double(sum(sums)) + rest;
}

template <class Number>
void move(const Leaf& leaf, const Rates& rates, int64_t from, int64_t to) {
    const auto* slope = static_cast<const Number*>(leaf.slope);
    // Copies, of which the compiler knows that nothing written below changes them.
    const Leaf l = leaf;
    const Rates r = rates;
    const float shrink = 1 - r.rate * l.decay, slow1 = 1 - r.beta1, slow2 = 1 - r.beta2;
#pragma omp simd  // a number depends on none before it, though what is written may be what is read
    for (int64_t i = from; i < to; i++) {
        const float g = r.factor * load_float(slope + i);
        const float m = r.beta1 * l.m[i] + slow1 * g;
        const float v = r.beta2 * l.v[i] + slow2 * (g * g);
        const float step = r.correction1 * m / (std::sqrt(r.correction2 * v) + r.eps);
        l.new_m[i] = m;
        l.new_v[i] = v;
        l.new_weight[i] = shrink * l.weight[i] - r.rate * step;
    }
    if (l.copy)
#pragma omp simd
        for (int64_t i = from; i < to; i++) l.copy[i] = copied(l.new_weight[i]);
}

// Calls `use(leaf, from, to)` for pieces of all leaves, a thread's of each leaf side by side.
template <class Use>
void in_pieces(const Leaf* leaves, int64_t count, int thread, int threads, Use&& use) {
    for (const Leaf* leaf = leaves; leaf < leaves + count; leaf++) {
        const int64_t pieces = (leaf->count + PIECE - 1) / PIECE;
        for (int64_t p = pieces * thread / threads; p < pieces * (thread + 1) / threads; p++)
            use(*leaf, p * PIECE, leaf->count - p * PIECE < PIECE ? leaf->count : (p + 1) * PIECE);
    }
}

// The squares of all gradients: each thread's sum, so that their order does not change.
void square_sums(const Leaf* leaves, int64_t count, double* sums, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int thread = 0; thread < threads; thread++) {
        double total = 0;
        in_pieces(leaves, count, thread, threads, [&](const Leaf& leaf, int64_t from, int64_t to) {
            total += leaf.kind == FLOAT32 ? squares_of<float>(leaf, from, to)
                                          : squares_of<uint16_t>(leaf, from, to);
        });
        sums[thread] = total;
    }
}

void adamw(const Leaf* leaves, int64_t count, const Rates* rates, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int thread = 0; thread < threads; thread++)
        in_pieces(leaves, count, thread, threads, [&](const Leaf& leaf, int64_t from, int64_t to) {
            leaf.kind == FLOAT32 ? move<float>(leaf, *rates, from, to)
                                 : move<uint16_t>(leaf, *rates, from, to);
        });
}

}  // namespace
