// z = softmax(q kᵀ) v in each head, causal, on keys and values that are kept; q comes scaled.
#pragma once
#include "rows.h"

namespace {

struct Heads {
    const float* q;  // (batch · length, heads · d)
    float* z;        // the same
    int64_t batch, length, heads, d;
    int64_t start, room;  // earlier positions; keys and values are (batch, heads, room, d)
};

// Lanes of a row beyond `count` become 0 after the softmax; returns 1 / sum.
inline float softmax(float* scores, int64_t count) {
    const int64_t wide = round_up(count, LANES);
    for (int64_t i = count; i < wide; i++) scores[i] = -INFINITY;
    Floats most = load<Floats>(scores);
    for (int64_t i = LANES; i < wide; i += LANES) most = larger(most, load<Floats>(scores + i));
    const Floats top = all(largest(most));
    Floats total{};
    for (int64_t i = 0; i < wide; i += LANES) {
        Floats x = exponential(load<Floats>(scores + i) - top);
        if (i + LANES > count)
            for (int lane = int(count - i); lane < LANES; lane++) x[lane] = 0;
        store(scores + i, x);
        total += x;
    }
    return 1 / sum(total);
}

// A few queries: each looks at the keys one after another.
template <class Number>
void look(const Heads& h, const Number* k, const Number* v, int64_t sequence, int64_t head,
          float* scores) {
    for (int64_t t = 0; t < h.length; t++) {
        const int64_t at = ((sequence * h.length + t) * h.heads + head) * h.d;
        const float* q = h.q + at;
        float* z = h.z + at;
        const int64_t count = h.start + t + 1;
        for (int64_t s = 0; s < count; s++) {
            Floats sums{};
            float total = 0;
            each(h.d,
                 [&](int64_t i) { sums += load<Floats>(q + i) * load_floats(k + s * h.d + i); },
                 [&](int64_t i) { total += q[i] * load_float(k + s * h.d + i); });
            scores[s] = total + sum(sums);
        }
        const float share = softmax(scores, count);
        each(h.d,
             [&](int64_t i) {
                 Floats one{}, two{};
                 int64_t s = 0;
                 for (; s + 1 < count; s += 2) {
                     one += all(scores[s]) * load_floats(v + s * h.d + i);
                     two += all(scores[s + 1]) * load_floats(v + (s + 1) * h.d + i);
                 }
                 if (s < count) one += all(scores[s]) * load_floats(v + s * h.d + i);
                 store(z + i, (one + two) * all(share));
             },
             [&](int64_t i) {
                 float total = 0;
                 for (int64_t s = 0; s < count; s++) total += scores[s] * load_float(v + s * h.d + i);
                 z[i] = total * share;
             });
    }
}

// Many queries: keys and values become panels, and the products those of any weight.
template <class Number, class Kind>
struct Panels {
    static constexpr int PER_WORD = 4 / sizeof(Number);
    uint32_t *keys, *values, *queries, *weights;
    float* scores;
    int64_t words_d, words_s, panels_d, panels_s;

    static int64_t bytes(int64_t total, int64_t d) {
        const int64_t s = round_up(total, PANEL), wide = round_up(d, PANEL);
        return 2 * s * wide * int64_t(sizeof(Number)) +
               ROWS_AT_ONCE * 4 * (wide + 2 * s);
    }

    Panels(char* at, int64_t total, int64_t d) {
        const int64_t s = round_up(total, PANEL), wide = round_up(d, PANEL);
        panels_d = wide / PANEL;
        panels_s = s / PANEL;
        words_d = wide / PER_WORD;
        words_s = s / PER_WORD;
        keys = reinterpret_cast<uint32_t*>(at);
        values = keys + s * words_d;
        queries = values + wide * words_s;
        weights = queries + ROWS_AT_ONCE * wide;
        scores = reinterpret_cast<float*>(weights + ROWS_AT_ONCE * s);
    }

    // keys: (S / 64) panels of d; values: (d / 64) panels of S.
    void fill(const Number* k, const Number* v, int64_t total, int64_t d) {
        std::memset(keys, 0, 4 * panels_s * PANEL * words_d);
        for (int64_t s = 0; s < total; s++) {
            uint32_t* to = keys + s / PANEL * PANEL * words_d + s % PANEL;
            for (int64_t w = 0; w * PER_WORD < d; w++) {
                Number pair[PER_WORD];
                for (int i = 0; i < PER_WORD; i++) pair[i] = k[s * d + w * PER_WORD + i];
                std::memcpy(to + w * PANEL, pair, 4);
            }
        }
        std::memset(values, 0, 4 * panels_d * PANEL * words_s);
        auto* to = reinterpret_cast<Number*>(values);
        for (int64_t c = 0; c < d; c += PANEL)
            for (int64_t s = 0; s < total; s++)
                for (int64_t i = c; i < d && i < c + PANEL; i++)
                    to[(c / PANEL * words_s + s / PER_WORD) * PANEL * PER_WORD +
                       (i - c) * PER_WORD + s % PER_WORD] = v[s * d + i];
    }

    template <int R>
    void look(const Heads& h, int64_t sequence, int64_t head, int64_t t) {
        const int64_t s = panels_s * PANEL, row = h.heads * h.d;
        const float* q = h.q + (sequence * h.length + t) * row + head * h.d;
        float* z = h.z + (sequence * h.length + t) * row + head * h.d;
        auto* to = reinterpret_cast<Number*>(queries);
        for (int r = 0; r < R; r++) {
            for (int64_t i = 0; i < h.d; i++) store_float(to + r * words_d * PER_WORD + i, q[r * row + i]);
            for (int64_t i = h.d; i < words_d * PER_WORD; i++) to[r * words_d * PER_WORD + i] = 0;
        }
        const int64_t last = h.start + t + R;  // keys that the last of these rows looks at
        alignas(64) float out[R * PANEL];
        for (int64_t p = 0; p * PANEL < last; p++) {
            const char* panel = reinterpret_cast<const char*>(keys + p * PANEL * words_d);
            tile<Kind, R, VECTORS_AT_ONCE, CACHE>({queries, nullptr, nullptr, words_d}, 0, panel,
                                                  int(words_d), out);
            for (int r = 0; r < R; r++)
                std::memcpy(scores + r * s + p * PANEL, out + r * PANEL, PANEL * 4);
        }
        float share[R];
        const int64_t used = round_up(last, PANEL);
        auto* rounded = reinterpret_cast<Number*>(weights);
        for (int r = 0; r < R; r++) {
            const int64_t count = h.start + t + r + 1;
            share[r] = softmax(scores + r * s, count);
            for (int64_t i = round_up(count, LANES); i < used; i++) scores[r * s + i] = 0;
            for (int64_t i = 0; i < used; i += LANES)
                store_floats(rounded + r * words_s * PER_WORD + i, load<Floats>(scores + r * s + i));
        }
        for (int64_t p = 0; p < panels_d; p++) {
            const char* panel = reinterpret_cast<const char*>(values + p * PANEL * words_s);
            tile<Kind, R, VECTORS_AT_ONCE, CACHE>({weights, nullptr, nullptr, words_s}, 0, panel,
                                                  int(used / PER_WORD), out);
            for (int r = 0; r < R; r++)
                for (int64_t i = p * PANEL; i < h.d && i < (p + 1) * PANEL; i++)
                    z[r * row + i] = out[r * PANEL + i - p * PANEL] * share[r];
        }
    }
};

constexpr int64_t FEW = 12;  // up to so many queries, packing the keys costs more than it saves

// Room that one thread needs.
inline int64_t attention_bytes(int64_t total, int64_t d) {
    return Panels<float, Float32>::bytes(total, d) + 64;
}

template <class Number, class Kind>
void attend(const Heads& h, void* keys, void* values, int thread, int threads, char* room) {
    const int64_t tasks = h.batch * h.heads, end = tasks * (thread + 1) / threads;
    const int64_t total = h.start + h.length;
    for (int64_t task = tasks * thread / threads; task < end; task++) {
        const auto* k = static_cast<const Number*>(keys) + task * h.room * h.d;
        const auto* v = static_cast<const Number*>(values) + task * h.room * h.d;
        const int64_t sequence = task / h.heads, head = task % h.heads;
        if (h.length <= FEW || h.d % Panels<Number, Kind>::PER_WORD) {
            look(h, k, v, sequence, head, reinterpret_cast<float*>(room));
            continue;
        }
        Panels<Number, Kind> panels(room, total, h.d);
        panels.fill(k, v, total, h.d);
        int64_t t = 0;
        for (; t + ROWS_AT_ONCE <= h.length; t += ROWS_AT_ONCE)
            panels.template look<ROWS_AT_ONCE>(h, sequence, head, t);
        for (; t < h.length; t++) panels.template look<1>(h, sequence, head, t);
    }
}

}  // namespace
