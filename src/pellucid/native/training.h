// Causal attention for training: z and its logsumexp, and the gradients of q, k and v.
//
// A head at a time, in the caches of one core. The backward goes over runs of keys: for each, the
// scores of all queries that may look at them are made again, transposed, so that dk and dv are
// complete when the run is; dq is the product with the panels of dscores that all runs have left.
#pragma once
#include "attention.h"

namespace {

constexpr int RUN = ROWS_AT_ONCE;  // rows at once; even, so that bfloat16's pairs never part

// first, first + 1 and so on.
inline Ints lanes_from(int64_t first) {
    Ints lanes;
    for (int i = 0; i < LANES; i++) lanes[i] = int32_t(first) + i;
    return lanes;
}

// A tensor (batch, heads, length, d) whose last dimension lies together.
template <class Number>
struct View {
    Number* at;
    const int64_t* strides;  // of the first three
    Number* head(int64_t sequence, int64_t h) const {
        return at + sequence * strides[0] + h * strides[1];
    }
    int64_t row() const { return strides[2]; }
};

template <class Number, class Kind>
struct Head {
    static constexpr int PER_WORD = 4 / sizeof(Number);
    int64_t length, d;
    int64_t wide = round_up(length, PANEL), rows = round_up(length, RUN);
    int64_t words_d = d / PER_WORD, words_t = wide / PER_WORD, panels_d = round_up(d, PANEL) / PANEL;

    static uint32_t word(const Number* x) {
        uint32_t w;
        std::memcpy(&w, x, 4);
        return w;
    }

    // Rows as they are, those beyond the length zero: the left side of a product over channels.
    void copy(const Number* x, int64_t stride, uint32_t* to) const {
        for (int64_t t = 0; t < length; t++) std::memcpy(to + t * words_d, x + t * stride, 4 * words_d);
        std::memset(to + length * words_d, 0, 4 * words_d * (rows - length));
    }

    // Panels whose columns are positions: the right side of a product over channels.
    void across(const Number* x, int64_t stride, uint32_t* to) const {
        for (int64_t first = 0; first < wide; first += PANEL, to += words_d * PANEL)
            for (int64_t c = 0; c < PANEL; c++) {
                const Number* from = x + (first + c) * stride;
                const bool there = first + c < length;
                for (int64_t w = 0; w < words_d; w++)
                    to[w * PANEL + c] = there ? word(from + w * PER_WORD) : 0;
            }
    }

    // A word of each channel of one position, or of bfloat16's two.
    uint32_t together(const Number* x, int64_t stride, int64_t w, int64_t c) const {
        if constexpr (PER_WORD == 1) return w < length ? word(x + w * stride + c) : 0;
        const uint32_t low = 2 * w < length ? x[2 * w * stride + c] : 0;
        const uint32_t high = 2 * w + 1 < length ? x[(2 * w + 1) * stride + c] : 0;
        return low | high << 16;
    }

    // The same for channels side by side.
    static Words words(const float* x, int64_t) { return load<Words>(x); }
    static Words words(const uint16_t* x, int64_t stride) {
        return __builtin_convertvector(load<Halves>(x), Words) |
               __builtin_convertvector(load<Halves>(x + stride), Words) << 16;
    }

    // Panels whose columns are channels: the right side of a product over positions.
    void along(const Number* x, int64_t stride, uint32_t* to) const {
        for (int64_t p = 0; p < panels_d; p++)
            for (int64_t w = 0; w < words_t; w++, to += PANEL) {
                const Number* from = x + PER_WORD * w * stride + p * PANEL;
                if (PER_WORD * (w + 1) <= length && (p + 1) * PANEL <= d)
                    for (int64_t c = 0; c < PANEL; c += LANES) store(to + c, words(from + c, stride));
                else
                    for (int64_t c = 0; c < PANEL; c++)
                        to[c] = p * PANEL + c < d ? together(x, stride, w, p * PANEL + c) : 0;
            }
    }

    // Rows that are channels: the left side of a product over positions.
    void channels(const Number* x, int64_t stride, uint32_t* to) const {
        for (int64_t c = 0; c < round_up(d, RUN); c++)
            for (int64_t w = 0; w < words_t; w++)
                to[c * words_t + w] = c < d ? together(x, stride, w, c) : 0;
    }

    static void product(const uint32_t* left, int64_t stride, const uint32_t* panel, int64_t words,
                        float* out) {
        tile<Kind, RUN, VECTORS_AT_ONCE>({left, nullptr, nullptr, stride}, 0,
                                                reinterpret_cast<const char*>(panel), int(words), out);
    }

    // Some rows of positions times panels of channels, to where a tensor has them.
    void gather(const uint32_t* left, const uint32_t* panels, int64_t from, int64_t words, Number* to,
                int64_t stride, int64_t count, const float* factor) const {
        alignas(64) float out[RUN * PANEL];
        for (int64_t p = 0; p < panels_d; p++) {
            product(left + from, words_t, panels + (p * words_t + from) * PANEL, words, out);
            const int64_t columns = d - p * PANEL < PANEL ? d - p * PANEL : PANEL;
            for (int64_t r = 0; r < count; r++) {
                Number* row = to + r * stride + p * PANEL;
                const float* values = out + r * PANEL;
                each(columns,
                     [&](int64_t i) { store_floats(row + i, load<Floats>(values + i) * all(factor[r])); },
                     [&](int64_t i) { store_float(row + i, values[i] * factor[r]); });
            }
        }
    }
};

// A thread's memory, one piece after another.
struct Pieces {
    char* at;
    template <class T>
    T* take(int64_t count) {
        char* here = at;
        at += round_up(count * int64_t(sizeof(T)), 64);
        return reinterpret_cast<T*>(here);
    }
};

template <class Number, class Kind>
void attend_head(const Attention& a, int64_t sequence, int64_t h, Pieces pieces) {
    Head<Number, Kind> head{a.length, a.d};
    const View<const Number> q{static_cast<const Number*>(a.q), a.q_strides},
        k{static_cast<const Number*>(a.k), a.k_strides}, v{static_cast<const Number*>(a.v), a.v_strides};
    const View<Number> z{static_cast<Number*>(a.z), a.z_strides};
    auto* queries = pieces.take<uint32_t>(head.rows * head.words_d);
    auto* keys = pieces.take<uint32_t>(head.wide * head.words_d);
    auto* values = pieces.take<uint32_t>(head.panels_d * head.words_t * PANEL);
    auto* scores = pieces.take<float>(RUN * head.wide);
    auto* shares = pieces.take<Number>(RUN * head.wide);
    head.copy(q.head(sequence, h), q.row(), queries);
    head.across(k.head(sequence, h), k.row(), keys);
    head.along(v.head(sequence, h), v.row(), values);
    const Floats scale = all(1 / std::sqrt(float(a.d)));
    float* logsumexp = a.logsumexp + (sequence * a.heads + h) * a.length;

    for (int64_t t = 0; t < a.length; t += RUN) {
        const int64_t used = round_up(t + RUN, PANEL) < head.wide ? round_up(t + RUN, PANEL) : head.wide;
        alignas(64) float out[RUN * PANEL];
        for (int64_t first = 0; first < used; first += PANEL) {
            head.product(queries + t * head.words_d, head.words_d, keys + first * head.words_d,
                         head.words_d, out);
            for (int r = 0; r < RUN; r++)
                for (int64_t i = 0; i < PANEL; i += LANES)
                    store(scores + r * head.wide + first + i, load<Floats>(out + r * PANEL + i) * scale);
        }
        float factor[RUN];
        const int64_t count = a.length - t < RUN ? a.length - t : RUN;
        for (int64_t r = 0; r < RUN; r++) {
            float* row = scores + r * head.wide;
            const int64_t seen = t + r + 1 < used ? t + r + 1 : used;
            for (int64_t i = seen; i < used; i++) row[i] = -INFINITY;
            Floats most = load<Floats>(row);
            for (int64_t i = LANES; i < seen; i += LANES) most = larger(most, load<Floats>(row + i));
            const float top = largest(most);
            Floats total{};
            for (int64_t i = 0; i < used; i += LANES) {
                Floats x = exponential(load<Floats>(row + i) - all(top));
                if (i + LANES > seen) x = lanes_from(i) < all(int32_t(seen)) ? x : Floats{};
                store_floats(shares + r * head.wide + i, x);
                total += x;
            }
            const float whole = sum(total);
            factor[r] = 1 / whole;
            if (r < count) logsumexp[t + r] = top + std::log(whole);
        }
        head.gather(reinterpret_cast<const uint32_t*>(shares), values, 0, used / head.PER_WORD,
                    z.head(sequence, h) + t * z.row(), z.row(), count, factor);
    }
}

template <class Number, class Kind>
void attend_head_backward(const Attention& a, int64_t sequence, int64_t h, Pieces pieces) {
    Head<Number, Kind> head{a.length, a.d};
    const View<const Number> q{static_cast<const Number*>(a.q), a.q_strides},
        k{static_cast<const Number*>(a.k), a.k_strides}, v{static_cast<const Number*>(a.v), a.v_strides},
        z{static_cast<const Number*>(a.z), a.z_strides},
        dz{static_cast<const Number*>(a.dz), a.dz_strides};
    const View<Number> dq{static_cast<Number*>(a.dq), a.dq_strides},
        dk{static_cast<Number*>(a.dk), a.dk_strides}, dv{static_cast<Number*>(a.dv), a.dv_strides};
    const int64_t panel = head.words_d * PANEL, table = head.panels_d * head.words_t * PANEL;
    auto* keys = pieces.take<uint32_t>(head.rows * head.words_d);
    auto* values = pieces.take<uint32_t>(head.rows * head.words_d);
    auto* queries_across = pieces.take<uint32_t>(head.wide * head.words_d);
    auto* dz_across = pieces.take<uint32_t>(head.wide * head.words_d);
    auto* queries_along = pieces.take<uint32_t>(table);
    auto* dz_along = pieces.take<uint32_t>(table);
    auto* channels = pieces.take<uint32_t>(round_up(a.d, RUN) * head.words_t);
    auto* dscores = pieces.take<uint32_t>(head.wide * head.words_t);
    auto* shares = pieces.take<Number>(RUN * head.wide);
    auto* slopes = pieces.take<Number>(RUN * head.wide);
    auto* minus = pieces.take<float>(head.wide);
    auto* along_z = pieces.take<float>(head.wide);
    head.copy(k.head(sequence, h), k.row(), keys);
    head.copy(v.head(sequence, h), v.row(), values);
    head.across(q.head(sequence, h), q.row(), queries_across);
    head.across(dz.head(sequence, h), dz.row(), dz_across);
    head.along(q.head(sequence, h), q.row(), queries_along);
    head.along(dz.head(sequence, h), dz.row(), dz_along);
    head.channels(k.head(sequence, h), k.row(), channels);
    const float* logsumexp = a.logsumexp + (sequence * a.heads + h) * a.length;
    for (int64_t t = 0; t < head.wide; t++) {
        minus[t] = t < a.length ? logsumexp[t] : 1e30f;  // a row that is none has no shares
        Floats sums{};
        float total = 0;
        if (t < a.length) {
            const Number* one = z.head(sequence, h) + t * z.row();
            const Number* other = dz.head(sequence, h) + t * dz.row();
            each(a.d, [&](int64_t i) { sums += load_floats(one + i) * load_floats(other + i); },
                 [&](int64_t i) { total += load_float(one + i) * load_float(other + i); });
        }
        along_z[t] = total + sum(sums);
    }

    const float shrink = 1 / std::sqrt(float(a.d));
    const Floats scale = all(shrink);
    float once[RUN];
    for (float& x : once) x = 1;
    for (int64_t s = 0; s < a.length; s += RUN) {
        const int64_t begin = s / PANEL * PANEL;
        for (int64_t first = begin; first < head.wide; first += PANEL) {
            alignas(64) float products[RUN * PANEL], dshares[RUN * PANEL];
            head.product(keys + s * head.words_d, head.words_d, queries_across + first / PANEL * panel,
                         head.words_d, products);
            head.product(values + s * head.words_d, head.words_d, dz_across + first / PANEL * panel,
                         head.words_d, dshares);
            for (int64_t r = 0; r < RUN; r++)
                for (int64_t i = 0; i < PANEL; i += LANES) {
                    const int64_t at = r * PANEL + i, t = first + i;
                    Floats share = exponential(load<Floats>(products + at) * scale - load<Floats>(minus + t));
                    if (t < s + r)  // queries before the key
                        share = lanes_from(t) < all(int32_t(s + r)) ? Floats{} : share;
                    const Floats slope = share * (load<Floats>(dshares + at) - load<Floats>(along_z + t)) * scale;
                    store_floats(shares + r * head.wide + t, share);
                    store_floats(slopes + r * head.wide + t, slope);
                }
            // The run's rows, as words of panels whose columns are queries.
            uint32_t* to = dscores + (first / PANEL * head.words_t + s / head.PER_WORD) * PANEL;
            for (int64_t r = 0; r < RUN && s + r < head.wide; r += head.PER_WORD, to += PANEL) {
                const Number* row = slopes + r * head.wide + first;
                if constexpr (sizeof(Number) == 4) {
                    std::memcpy(to, row, PANEL * 4);
                } else {
                    for (int64_t i = 0; i < PANEL; i += LANES)
                        store(to + i, head.words(row + i, head.wide));
                }
            }
        }
        const int64_t from = begin / head.PER_WORD, words = head.words_t - from;
        const int64_t count = a.length - s < RUN ? a.length - s : RUN;
        head.gather(reinterpret_cast<const uint32_t*>(shares), dz_along, from, words,
                    dv.head(sequence, h) + s * dv.row(), dv.row(), count, once);
        head.gather(reinterpret_cast<const uint32_t*>(slopes), queries_along, from, words,
                    dk.head(sequence, h) + s * dk.row(), dk.row(), count, once);
    }

    const int64_t written = round_up(a.length, RUN) < head.wide ? round_up(a.length, RUN) : head.wide;
    for (int64_t first = 0; first < head.wide; first += PANEL) {
        const int64_t last = first + PANEL < written ? first + PANEL : written;
        Number* to = dq.head(sequence, h) + first * dq.row();
        for (int64_t c = 0; c < a.d; c += RUN) {
            alignas(64) float out[RUN * PANEL];
            head.product(channels + c * head.words_t, head.words_t,
                         dscores + first / PANEL * head.words_t * PANEL, last / head.PER_WORD, out);
            for (int64_t i = 0; i < PANEL && first + i < a.length; i++)
                for (int64_t r = 0; r < RUN && c + r < a.d; r++)
                    store_float(to + i * dq.row() + c + r, out[r * PANEL + i]);
        }
    }
}

// Room that one thread needs, for either direction, in bytes.
inline int64_t training_bytes(const Attention& a) {
    const int64_t wide = round_up(a.length, PANEL) + 2 * RUN, deep = round_up(a.d, PANEL) + RUN;
    return 4 * (wide * wide + 8 * wide * deep + 4 * RUN * wide + 4 * wide) + 64 * 16;
}

inline void attend_head_of(const Attention& a, int64_t sequence, int64_t h, bool backward,
                           Pieces pieces) {
    if (a.kind == FLOAT32)
        backward ? attend_head_backward<float, Float32>(a, sequence, h, pieces)
                 : attend_head<float, Float32>(a, sequence, h, pieces);
    else
        backward ? attend_head_backward<uint16_t, Bfloat16>(a, sequence, h, pieces)
                 : attend_head<uint16_t, Bfloat16>(a, sequence, h, pieces);
}

}  // namespace
