// Rows of activations: norms, rotation, the bends, and rounding to what a product takes.
#pragma once
#include "products.h"

namespace {

// y = (x - mean) / sqrt(variance + eps) · weight + bias, of one row.
inline void layer_norm(const float* x, int64_t n, const float* weight, const float* bias, float eps,
                       float* y) {
    Floats sums{};
    float total = 0;
    each(n, [&](int64_t i) { sums += load<Floats>(x + i); }, [&](int64_t i) { total += x[i]; });
    const float mean = (total + sum(sums)) / n;
    Floats squares{};
    float square = 0;
    each(n,
         [&](int64_t i) {
             const Floats away = load<Floats>(x + i) - all(mean);
             squares += away * away;
         },
         [&](int64_t i) { square += (x[i] - mean) * (x[i] - mean); });
    const float rstd = 1 / std::sqrt((square + sum(squares)) / n + eps);
    each(n,
         [&](int64_t i) {
             Floats out = (load<Floats>(x + i) - all(mean)) * all(rstd) * load<Floats>(weight + i);
             if (bias) out += load<Floats>(bias + i);
             store(y + i, out);
         },
         [&](int64_t i) { y[i] = (x[i] - mean) * rstd * weight[i] + (bias ? bias[i] : 0); });
}

// y = x / sqrt(mean square + eps) · weight, of one row; y may be x.
inline void rms_norm(const float* x, int64_t n, const float* weight, float eps, float* y) {
    Floats squares{};
    float square = 0;
    each(n,
         [&](int64_t i) {
             const Floats at = load<Floats>(x + i);
             squares += at * at;
         },
         [&](int64_t i) { square += x[i] * x[i]; });
    const float rstd = 1 / std::sqrt((square + sum(squares)) / n + eps);
    each(n,
         [&](int64_t i) {
             store(y + i, load<Floats>(x + i) * all(rstd) * load<Floats>(weight + i));
         },
         [&](int64_t i) { y[i] = x[i] * rstd * weight[i]; });
}

inline void normalize(const Norm& norm, const float* x, int64_t n, float* y) {
    if (norm.kind == LAYER_NORM) layer_norm(x, n, norm.weight, norm.bias, norm.eps, y);
    if (norm.kind == RMS_NORM) rms_norm(x, n, norm.weight, norm.eps, y);
}

// Turn channels i and i + d/2 of one head as a point in the plane, in place.
inline void turn(float* x, int64_t d, const float* cos, const float* sin) {
    float* second = x + d / 2;
    each(d / 2,
         [&](int64_t i) {
             const Floats a = load<Floats>(x + i), b = load<Floats>(second + i);
             const Floats c = load<Floats>(cos + i), s = load<Floats>(sin + i);
             store(x + i, a * c - b * s);
             store(second + i, b * c + a * s);
         },
         [&](int64_t i) {
             const float a = x[i], b = second[i];
             x[i] = a * cos[i] - b * sin[i];
             second[i] = b * cos[i] + a * sin[i];
         });
}

// x · (1 + tanh u) / 2 = x / (1 + e^-2u), with GPT-2's u.
inline Floats gelu_tanh(Floats x) {
    const Floats u = all(0.7978845608f) * (x + all(0.044715f) * x * x * x);
    return x / (all(1.0f) + exponential(all(-2.0f) * u));
}

// x · (1 + erf(x / sqrt 2)) / 2; erf by Abramowitz and Stegun 7.1.26, within 1.5e-7.
inline Floats gelu_erf(Floats x) {
    const Floats z = larger(x, -x) * all(0.70710678f);
    const Floats t = all(1.0f) / (all(1.0f) + all(0.3275911f) * z);
    Floats p = all(1.061405429f);
    p = p * t + all(-1.453152027f);
    p = p * t + all(1.421413741f);
    p = p * t + all(-0.284496736f);
    p = p * t + all(0.254829592f);
    const Floats rest = p * t * exponential(-z * z);  // 1 - erf(z)
    return x * (x < 0 ? all(0.5f) * rest : all(1.0f) - all(0.5f) * rest);
}

inline Floats silu(Floats x) { return x / (all(1.0f) + exponential(-x)); }

inline void bend(int32_t activation, float* values) {
    for (int j = 0; j < PANEL; j += LANES) {
        Floats x = load<Floats>(values + j);
        if (activation == GELU_TANH) x = gelu_tanh(x);
        else if (activation == GELU_ERF) x = gelu_erf(x);
        else if (activation == SILU) x = silu(x);
        else x = larger(x, Floats{});
        store(values + j, x);
    }
}

// Where the rows of a product are kept: room for `rows` of them of the widest kind.
struct Shelf {
    uint32_t* words;
    float* scales;
    char* sums;  // of groups: starts or totals, see Rows

    static int64_t bytes(int64_t rows, int64_t inputs) {
        const int64_t wide = round_up(inputs, PANEL);
        return rows * (wide * 4 + 2 * (wide / GROUP * 4));
    }
    Shelf(char* at, int64_t rows, int64_t inputs) {
        const int64_t wide = round_up(inputs, PANEL);
        words = reinterpret_cast<uint32_t*>(at);
        sums = at + rows * wide * 4;
        scales = reinterpret_cast<float*>(at + rows * (wide * 4 + wide / GROUP * 4));
    }
    int32_t* starts() const { return reinterpret_cast<int32_t*>(sums); }
    float* totals() const { return reinterpret_cast<float*>(sums); }
    Rows rows(const Weight& w) const { return {words, scales, sums, words_of(w)}; }
};

// Round one row of floats to what the weight is multiplied with; of whole numbers each group has its
// largest size as 127. `y` is padded with zeros to a multiple of 64.
inline void round_row(const Weight& w, const float* y, int64_t row, const Shelf& shelf) {
    const int64_t wide = round_up(w.inputs, PANEL);
    uint32_t* words = shelf.words + row * words_of(w);
    if (w.kind == FLOAT32) {
        std::memcpy(words, y, wide * 4);
        return;
    }
    if (w.kind == BFLOAT16) {
        auto* halves = reinterpret_cast<uint16_t*>(words);
        for (int64_t i = 0; i < wide; i += LANES) store_bfloat16(halves + i, load<Floats>(y + i));
        return;
    }
    auto* bytes = reinterpret_cast<int8_t*>(words);
    for (int64_t g = 0; g < wide; g += GROUP) {
        Floats most{};
        for (int64_t i = g; i < g + GROUP; i += LANES) {
            const Floats x = load<Floats>(y + i);
            most = larger(most, larger(x, -x));
        }
        const float amax = largest(most);
        const Floats by = all(amax > 0 ? 127 / amax : 0);
        Ints group{};
        for (int64_t i = g; i < g + GROUP; i += LANES) {
            const Ints whole = __builtin_convertvector(nearest(load<Floats>(y + i) * by), Ints);
            group += whole;
            typedef int8_t Small __attribute__((vector_size(LANES)));
            store(bytes + i, __builtin_convertvector(whole, Small));
        }
        const int64_t place = (row * wide + g) / GROUP;
        shelf.scales[place] = amax / 127;
        if (has_minimums(w)) shelf.totals()[place] = float(sum(group)) * (amax / 127);
        else shelf.starts()[place] = -centre(w) * sum(group);
    }
}

inline void pad(float* y, int64_t from) {
    const int64_t to = round_up(from, PANEL);
    std::memset(y + from, 0, (to - from) * sizeof(float));
}

}  // namespace
