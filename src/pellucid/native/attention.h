// z = softmax(q kᵀ) v in each head, causal, on keys and values that are kept in panels.
//
// The keys of a head are kept as the weight (d, S) of a product would be, and the values as (S, d):
// words of the activations, which here are queries and what the softmax gives, are multiplied with
// vectors of positions or of channels, and no vector is added up across its lanes.
#pragma once
#include "rows.h"

namespace {

constexpr int WIDE = 16;  // a row of values is filled up to so many channels, on every processor

// Where one head's keys and values of one sequence are kept. What was never written may be any
// bits; but what shares a word with what was written is a number, since it is multiplied with 0.
template <class Number>
struct Kept {
    static constexpr int PER_WORD = 4 / sizeof(Number);
    Number *keys, *values;
    int64_t d, room;  // room is a multiple of PANEL

    static int64_t words_of(int64_t n) { return (n + PER_WORD - 1) / PER_WORD; }
    int64_t key_words() const { return words_of(d); }
    int64_t wide() const { return round_up(d, WIDE); }
    int64_t key_size() const { return room * key_words() * PER_WORD; }
    int64_t value_size() const { return room * wide(); }

    Kept head(int64_t number) const {
        return {keys + number * key_size(), values + number * value_size(), d, room};
    }
    // 64 positions' words: of each word all of them.
    Number* key_panel(int64_t panel) const { return keys + panel * PANEL * key_words() * PER_WORD; }
    Number* value_word(int64_t word) const { return values + word * wide() * PER_WORD; }

    // Some channels of a position's key, and of its values; `last` is the text's last position.
    void put_key(int64_t place, int64_t channel, int64_t count, const float* x, bool) const {
        Number* to = key_panel(place / PANEL) + place % PANEL * PER_WORD;
        const auto at = [&](int64_t i) {
            return to + i / PER_WORD * PANEL * PER_WORD + i % PER_WORD;
        };
        for (int64_t i = channel; i < channel + count; i++) store_float(at(i), *x++);
        if (channel + count == d)
            for (int64_t i = d; i < key_words() * PER_WORD; i++) *at(i) = 0;
    }
    void put_values(int64_t place, int64_t channel, int64_t count, const float* x,
                    bool last) const {
        Number* to = value_word(place / PER_WORD) + place % PER_WORD;
        for (int64_t i = channel; i < channel + count; i++) store_float(to + i * PER_WORD, *x++);
        if (last)
            for (int64_t beside = 1; beside < PER_WORD - place % PER_WORD; beside++)
                for (int64_t i = channel; i < channel + count; i++) to[i * PER_WORD + beside] = 0;
    }
};

struct Heads {
    const float* q;  // (batch · length, heads · d)
    float* z;        // (pieces, batch · length, heads · d)
    float* sums;     // (pieces, batch · length, heads, 2), see Sum; of one piece it is not written
    int64_t batch, length, heads, kv_heads, d;
    int64_t start;         // earlier positions
    const uint8_t* sight;  // (length, start + length), or null: where a query may look

    int64_t rows() const { return batch * length; }
    int64_t group() const { return heads / kv_heads; }  // queries that share keys
    int64_t tiles() const {  // of queries that share keys and are computed at once
        return batch * kv_heads * ((length * group() + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE);
    }
    // Where there is little to share out, each thread looks at a piece of the positions.
    int pieces(int threads) const { return tiles() < 4 * threads ? threads : 1; }

    // The first position that query t looks at; it looks at all from there to its own.
    int64_t first(int64_t t) const {
        if (!sight) return 0;
        const int64_t keys = start + length;
        const void* found = std::memchr(sight + t * keys, 1, keys);
        return found ? static_cast<const uint8_t*>(found) - (sight + t * keys) : start + t;
    }
};

// Of a query's scores the largest, and the sum of the powers of e of how far they are below it.
struct Sum {
    float top, total;
};

// Scores first to last become powers of e, all others from begin to end 0.
inline Sum softmax(float* scores, int64_t first, int64_t last, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < first; i++) scores[i] = -INFINITY;
    for (int64_t i = last; i < end; i++) scores[i] = -INFINITY;
    Floats most = all(-INFINITY);
    for (int64_t i = begin; i < end; i += LANES) most = larger(most, load<Floats>(scores + i));
    const float top = largest(most);
    Floats total{};
    for (int64_t i = begin; i < end; i += LANES) {
        const Floats score = load<Floats>(scores + i);
        const Floats power = exponential(score - all(top));
        const Floats x = score > all(-INFINITY) ? power : Floats{};
        store(scores + i, x);
        total += x;
    }
    return {top, sum(total)};
}

// sums[r][j] += words of row r times vectors of columns, `stride` words from one row of them to the
// next. A few sums wait for each other less where two words are added up apart.
template <class K, int R, int V>
inline void add_words(const uint32_t* const (&at)[R], const uint32_t* columns, int64_t stride,
                      int64_t words, Floats (&sums)[R][V]) {
    constexpr int APART = R * V > 8 ? 1 : 2;
    Floats parts[APART][R][V] = {};
    const auto add = [&](int64_t w, Floats (&to)[R][V]) {
        Words b[V];
        for (int j = 0; j < V; j++) b[j] = load<Words>(columns + w * stride + j * LANES);
        for (int r = 0; r < R; r++) {
            const Words x = all(at[r][w]);
            for (int j = 0; j < V; j++) to[r][j] = K::add(to[r][j], x, b[j]);
        }
    };
    int64_t w = 0;
    for (; w + APART <= words; w += APART)
        for (int part = 0; part < APART; part++) add(w + part, parts[part]);
    for (; w < words; w++) add(w, parts[0]);
    for (auto& part : parts)
        for (int r = 0; r < R; r++)
            for (int j = 0; j < V; j++) sums[r][j] += part[r][j];
}

// Memory of one thread, for R queries at a time.
template <class Number>
struct Desk {
    uint32_t *queries, *weights;
    float* scores;
    int64_t words_d, words_s, wide_s;

    static int64_t bytes(int64_t total, int64_t d) {
        const int64_t s = round_up(total, PANEL);
        return ROWS_AT_ONCE * 4 * (round_up(d, PANEL) + 2 * s);
    }
    Desk(char* at, int64_t total, int64_t d) {
        wide_s = round_up(total, PANEL);
        words_d = Kept<Number>::words_of(d);
        words_s = wide_s / Kept<Number>::PER_WORD;
        scores = reinterpret_cast<float*>(at);
        weights = reinterpret_cast<uint32_t*>(scores + ROWS_AT_ONCE * wide_s);
        queries = weights + ROWS_AT_ONCE * words_s;
    }
};

// R queries of one group, number `first` of the group's and those after it; of a position all
// queries come before those of the next. They look at one piece of the positions.
template <class Number, class Kind, int R>
void look(const Heads& h, const Kept<Number>& kept, const Desk<Number>& desk, int64_t sequence,
          int64_t kv_head, int64_t first, int piece, int pieces) {
    constexpr int PER_WORD = Kept<Number>::PER_WORD;
    const float shrink = 1 / std::sqrt(float(h.d));
    const uint32_t *queries[R], *weights[R];
    int64_t from[R], to[R], place[R];
    for (int r = 0; r < R; r++) {
        const int64_t t = (first + r) / h.group(), head = kv_head * h.group() + (first + r) % h.group();
        place[r] = (sequence * h.length + t) * h.heads + head;
        from[r] = h.first(t);
        to[r] = h.start + t + 1;
        queries[r] = desk.queries + r * desk.words_d;
        auto* query = reinterpret_cast<Number*>(desk.queries + r * desk.words_d);
        for (int64_t i = 0; i < h.d; i++) store_float(query + i, h.q[place[r] * h.d + i] * shrink);
        for (int64_t i = h.d; i < desk.words_d * PER_WORD; i++) query[i] = 0;
    }
    int64_t begin = from[0];
    for (int64_t other : from) begin = other < begin ? other : begin;
    begin /= PANEL;
    const int64_t panels = (to[R - 1] + PANEL - 1) / PANEL - begin;
    const int64_t end = (begin + panels * (piece + 1) / pieces) * PANEL;
    begin = (begin + panels * piece / pieces) * PANEL;
    for (int64_t p = begin / PANEL; p * PANEL < end; p++) {
        const auto* panel = reinterpret_cast<const uint32_t*>(kept.key_panel(p));
        for (int at = 0; at < PANEL; at += VECTORS_AT_ONCE * LANES) {
            Floats sums[R][VECTORS_AT_ONCE] = {};
            add_words<Kind>(queries, panel + at, PANEL, desk.words_d, sums);
            for (int r = 0; r < R; r++)
                for (int j = 0; j < VECTORS_AT_ONCE; j++)
                    store(desk.scores + r * desk.wide_s + p * PANEL + at + j * LANES, sums[r][j]);
        }
    }
    const auto within = [&](int64_t at) { return at < begin ? begin : at < end ? at : end; };
    float share[R];
    for (int r = 0; r < R; r++) {
        float* scores = desk.scores + r * desk.wide_s;
        const Sum sum = softmax(scores, within(from[r]), within(to[r]), begin, end);
        share[r] = pieces == 1 ? 1 / sum.total : 1;
        if (pieces > 1) std::memcpy(h.sums + 2 * (piece * h.rows() * h.heads + place[r]), &sum, 8);
        auto* rounded = reinterpret_cast<Number*>(desk.weights + r * desk.words_s);
        for (int64_t i = begin; i < end; i += LANES)
            store_floats(rounded + i, load<Floats>(scores + i));
        weights[r] = desk.weights + r * desk.words_s + begin / PER_WORD;
    }
    float* z = h.z + piece * h.rows() * h.heads * h.d;
    const auto* values = reinterpret_cast<const uint32_t*>(kept.value_word(begin / PER_WORD));
    const int64_t words = Kept<Number>::words_of(within(to[R - 1]) - begin);
    const auto gather = [&](int64_t channel, auto& sums) {
        add_words<Kind>(weights, values + channel, kept.wide(), words, sums);
        for (int r = 0; r < R; r++)
            for (auto& part : sums[r]) {
                const int64_t at = channel + (&part - sums[r]) * LANES;
                const Floats out = part * all(share[r]);
                if (at < h.d)
                    std::memcpy(z + place[r] * h.d + at, &out,
                                4 * (h.d - at < LANES ? h.d - at : LANES));
            }
    };
    int64_t channel = 0;
    for (; channel + VECTORS_AT_ONCE * LANES <= kept.wide(); channel += VECTORS_AT_ONCE * LANES) {
        Floats sums[R][VECTORS_AT_ONCE] = {};
        gather(channel, sums);
    }
    for (; channel < kept.wide(); channel += LANES) {
        Floats sums[R][1] = {};
        gather(channel, sums);
    }
}

template <class Number, class Kind, int R = 1>
void look_at(int count, const Heads& h, const Kept<Number>& kept, const Desk<Number>& desk,
             int64_t sequence, int64_t kv_head, int64_t first, int piece, int pieces) {
    if constexpr (R < ROWS_AT_ONCE)
        if (count > R)
            return look_at<Number, Kind, R + 1>(count, h, kept, desk, sequence, kv_head, first,
                                                piece, pieces);
    look<Number, Kind, R>(h, kept, desk, sequence, kv_head, first, piece, pieces);
}

// Room that one thread needs.
inline int64_t attention_bytes(int64_t total, int64_t d) { return Desk<float>::bytes(total, d); }

// A thread's part: every so-manyth tile of queries, so that early positions, which look at less,
// fall to all threads; or a piece of the positions for every tile.
template <class Number, class Kind>
void attend(const Heads& h, const Kept<Number>& kept, int thread, int threads, char* room) {
    const Desk<Number> desk(room, h.start + h.length, h.d);
    const int64_t queries = h.length * h.group();
    const int pieces = h.pieces(threads), piece = pieces > 1 ? thread : 0;
    int64_t number = 0;
    for (int64_t head = 0; head < h.batch * h.kv_heads; head++)
        for (int64_t first = 0; first < queries; first += ROWS_AT_ONCE, number++)
            if (pieces > 1 || number % threads == thread) {
                const int64_t left = queries - first;
                look_at<Number, Kind>(int(left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE), h,
                                      kept.head(head), desk, head / h.kv_heads, head % h.kv_heads,
                                      first, piece, pieces);
            }
}

// One row of z, put together from its pieces.
inline const float* put_together(const Heads& h, int pieces, int64_t row, float* y) {
    const int64_t rows = h.rows(), width = h.heads * h.d;
    if (pieces == 1) return h.z + row * width;
    for (int64_t head = 0; head < h.heads; head++) {
        const auto sum_of = [&](int piece) {
            Sum sum;
            std::memcpy(&sum, h.sums + 2 * ((piece * rows + row) * h.heads + head), 8);
            return sum;
        };
        float top = -INFINITY, total = 0;
        for (int piece = 0; piece < pieces; piece++) top = std::fmax(top, sum_of(piece).top);
        float* to = y + head * h.d;
        std::memset(to, 0, h.d * sizeof(float));
        for (int piece = 0; piece < pieces; piece++) {
            const float size = std::exp(sum_of(piece).top - top);
            const float* from = h.z + (piece * rows + row) * width + head * h.d;
            total += size * sum_of(piece).total;
            for (int64_t i = 0; i < h.d; i++) to[i] += size * from[i];
        }
        for (int64_t i = 0; i < h.d; i++) to[i] /= total;
    }
    return y;
}

}  // namespace
