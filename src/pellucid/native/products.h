// Matrix products: rows of activations times a weight in panels of 64 columns.
//
// A row is a run of 32-bit words: one float, two bfloat16 or four int8, and a panel has beside each
// word 64 words of the weight, one a column. So one instruction multiplies a word, broadcast, with
// 16 columns, and all kinds share the loops over rows and columns.
#pragma once
#include "native.h"
#include "scratch.h"

namespace {

constexpr int PANEL = 64;   // columns
constexpr int GROUP = 32;   // inputs that share a scale
constexpr int VECTORS = PANEL / LANES;  // of a panel's row of words

// Rows of activations, as the kind of the weight wants them.
struct Rows {
    const uint32_t* words;
    const float* scales;      // of whole numbers: of each group of each row
    const char* sums;         // of each as well, see below
    int64_t stride;           // words from row to row

    // What a group's products begin with, for the centre of the weight's numbers.
    const int32_t* starts() const { return reinterpret_cast<const int32_t*>(sums); }
    // Where the groups of the weight have minimums: the activations' sum.
    const float* totals() const { return reinterpret_cast<const float*>(sums); }
};

inline int words_of(const Weight& w) {
    const int per_word = w.kind == FLOAT32 ? 1 : w.kind == BFLOAT16 ? 2 : 4;
    return int(round_up(w.inputs, PANEL)) / per_word;
}

// Whole numbers are in groups; how many bits they have, what lies beside them, and the bytes of both.
inline bool in_groups(const Weight& w) { return w.kind >= INT8; }
inline bool has_minimums(const Weight& w) { return w.kind == INT4 || w.kind == Q4_1; }
inline int group_bytes(const Weight& w) {
    return GROUP * PANEL / (w.kind == INT8 ? 1 : 2) + (w.kind == Q4_1 ? 4 : 2) * PANEL;
}
inline int64_t panel_bytes(const Weight& w) {
    if (in_groups(w)) return round_up(w.inputs, PANEL) / GROUP * group_bytes(w);
    return int64_t(words_of(w)) * PANEL * 4;
}

// -- one word of each row by one word of each column ----------------------------------------------

struct Float32 {
    using Sum = Floats;
    static Sum add(Sum sum, Words a, Words b) { return sum + (Floats)a * (Floats)b; }
};

struct Bfloat16 {
    using Sum = Floats;
    static Sum add(Sum sum, Words a, Words b) {
#if defined(__AVX512BF16__)
        return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
        const Words upper = all(0xffff0000u);
        sum = sum + (Floats)(a << 16) * (Floats)(b << 16);
        return sum + (Floats)(a & upper) * (Floats)(b & upper);
#endif
    }
};

// Where the processor multiplies unsigned by signed bytes, the weights of 8 bits are unsigned.
#if defined(__AVX512VNNI__)
constexpr bool UNSIGNED = true;
#else
constexpr bool UNSIGNED = false;
#endif

// Bytes a by signed bytes b: a is unsigned, below 128 or where UNSIGNED, and otherwise signed.
inline Ints dot(Ints sum, Words a, Words b) {
#if defined(__AVX512VNNI__)
    return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    const __m256i x = (__m256i)a, y = (__m256i)b;
    const __m256i even = _mm256_madd_epi16(_mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8),
                                           _mm256_srai_epi16(_mm256_slli_epi16(y, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srai_epi16(x, 8), _mm256_srai_epi16(y, 8));
    return sum + (Ints)even + (Ints)odd;
#elif defined(__ARM_FEATURE_DOTPROD)
    return (Ints)vdotq_s32((int32x4_t)sum, (int8x16_t)a, (int8x16_t)b);
#else
    for (int shift = 0; shift < 32; shift += 8)
        sum += ((Ints)(a << (24 - shift)) >> 24) * ((Ints)(b << (24 - shift)) >> 24);
    return sum;
#endif
}

// -- numbers in groups of 32 inputs ---------------------------------------------------------------

// u from 0 to 15 in words of eight inputs, the first four in the low halves of their bytes.
struct Nibbles {
    static constexpr int LOADS = 4, WORDS = 2, CENTRE = 8;
    static void split(Words both, Words (&words)[WORDS]) {
        const Words nibble = all(0x0f0f0f0fu);
        words[0] = both & nibble;
        words[1] = (both >> 4) & nibble;
    }
};

// u from 0 to 255 in words of four inputs; where bytes are multiplied signed, u - 128 is.
struct Bytes {
    static constexpr int LOADS = 8, WORDS = 1, CENTRE = UNSIGNED ? 128 : 0;
    static void split(Words four, Words (&words)[WORDS]) {
        words[0] = UNSIGNED ? four : four ^ all(0x80808080u);
    }
};

// What lies beside the numbers of a group; `at` is a vector's first.
struct Scales {
    static constexpr int BYTES = 2 * PANEL;
    static constexpr bool MINIMUM = false;
    static Floats scale(const char* sides, int at) {
        return load_float16(reinterpret_cast<const uint16_t*>(sides) + at);
    }
    static Floats minimum(const char*, int) { return Floats{}; }
};
struct HalfPairs : Scales {
    static constexpr int BYTES = 4 * PANEL;
    static constexpr bool MINIMUM = true;
    static Floats minimum(const char* sides, int at) { return scale(sides, PANEL + at); }
};
struct BytePairs {
    static constexpr int BYTES = 2 * PANEL;
    static constexpr bool MINIMUM = true;
    static Floats scale(const char* sides, int at) {
        return load_bytes(reinterpret_cast<const uint8_t*>(sides) + at);
    }
    static Floats minimum(const char* sides, int at) { return all(-8.0f) * scale(sides, PANEL + at); }
};

inline int centre(const Weight& w) { return w.kind == INT8 ? Bytes::CENTRE : Nibbles::CENTRE; }

// -- a few rows by some of a panel's columns ------------------------------------------------------

// How many rows and how many vectors of columns fit into the registers at once.
#if defined(__AVX512F__)
constexpr int ROWS_AT_ONCE = 6, VECTORS_AT_ONCE = 4, ROWS_OF_GROUPS = 6, VECTORS_OF_GROUPS = 2;
#elif defined(__AVX2__)
constexpr int ROWS_AT_ONCE = 4, VECTORS_AT_ONCE = 2, ROWS_OF_GROUPS = 2, VECTORS_OF_GROUPS = 1;
#else
constexpr int ROWS_AT_ONCE = 4, VECTORS_AT_ONCE = 4, ROWS_OF_GROUPS = 2, VECTORS_OF_GROUPS = 2;
#endif

// What is read soon is asked for, so that memory is busy all the while. A panel that is read once
// asks for what lies AHEAD bytes behind that which is read now. Where it is read several times, by
// more rows than fit into the registers, that is done a stretch at a time, which the innermost cache
// holds, and each time asks for a share of the next stretch.
constexpr int AHEAD = 6144, STRETCH = 16384;

struct Ask {
    const char* at;
    int64_t share;  // bytes at each step: a row of a panel's words, or a group

    // A step reads BYTES at `now`; the panel is read so many times, or more. 0: nothing is asked for.
    template <int BYTES, int READINGS>
    void step(const char* now) {
        constexpr int LINES = READINGS ? (BYTES / 64 + READINGS - 1) / READINGS : 0;
        for (int i = 0; i < LINES; i++)
            if (READINGS == 1) __builtin_prefetch(now + AHEAD + i * 64, 0, 0);
            else __builtin_prefetch(at + i * 64, 0, 3);
        if (READINGS > 1) at += share;
    }
};

// Some steps of a panel: rows of words, or groups.
struct Part {
    const char* panel;
    int begin, end;
};

template <class Sum, int R, int V>
inline void take(const float* from, Sum (&sums)[R][V]) {
    for (int r = 0; r < R; r++)
        for (int j = 0; j < V; j++) sums[r][j] = load<Sum>(from + r * PANEL + j * LANES);
}

template <class Sum, int R, int V>
inline void put(float* to, const Sum (&sums)[R][V]) {
    for (int r = 0; r < R; r++)
        for (int j = 0; j < V; j++) store(to + r * PANEL + j * LANES, sums[r][j]);
}

// The products of R rows with a part of a panel, added to out (R, 64) where it is not the first.
template <class K, int R, int V, int READINGS>
inline void tile(const Rows& a, int64_t row, const Part& part, Ask& asked, float* out) {
    Ask ask = asked;  // a copy stays in registers
    using Sum = typename K::Sum;
    const uint32_t* at[R];
    for (int r = 0; r < R; r++) at[r] = a.words + (row + r) * a.stride;
    for (int first = 0; first < PANEL; first += V * LANES) {
        Sum sums[R][V] = {};
        if (part.begin) take(out + first, sums);
        const char* from = part.panel + int64_t(part.begin) * PANEL * 4 + first * 4;
        for (int w = part.begin; w < part.end; w++) {
            Words b[V];
            for (int j = 0; j < V; j++) b[j] = load<Words>(from + j * VECTOR_BYTES);
            ask.step<PANEL * 4, READINGS>(from);
            for (int r = 0; r < R; r++) {
                const Words x = all(at[r][w]);
                for (int j = 0; j < V; j++) sums[r][j] = K::add(sums[r][j], x, b[j]);
            }
            from += PANEL * 4;
        }
        put(out + first, sums);
    }
    asked = ask;
}

// The same with a panel that is in a cache.
template <class K, int R, int V>
inline void tile(const Rows& a, int64_t row, const char* panel, int words, float* out) {
    Ask nothing{};
    tile<K, R, V, 0>(a, row, {panel, 0, words}, nothing, out);
}

// The same for numbers in groups: weight = scale · (u - CENTRE), or scale · u + minimum.
//
// Sum (u - CENTRE) x = sum u x - CENTRE sum x, and the last is what the sums start with.
template <class N, class Sides, int R, int V, int READINGS>
inline void tile_of_groups(const Rows& a, int64_t row, const Part& part, Ask& asked, float* out) {
    Ask ask = asked;
    constexpr int NUMBERS = N::LOADS * PANEL * 4, GROUP_BYTES = NUMBERS + Sides::BYTES;
    const uint32_t* words[R];
    int64_t at[R];
    for (int r = 0; r < R; r++) {
        words[r] = a.words + (row + r) * a.stride;
        at[r] = (row + r) * (a.stride / (GROUP / 4));
    }
    for (int first = 0; first < PANEL; first += V * LANES) {
        Floats total[R][V] = {};
        if (part.begin) take(out + first, total);
        for (int g = part.begin; g < part.end; g++) {
            const char* group = part.panel + int64_t(g) * GROUP_BYTES;
            ask.step<GROUP_BYTES, READINGS>(group);
            Ints sums[R][V];
            for (int r = 0; r < R; r++) {
                const Ints start = Sides::MINIMUM ? Ints{} : all(a.starts()[at[r] + g]);
                for (int j = 0; j < V; j++) sums[r][j] = start;
            }
            for (int h = 0; h < N::LOADS; h++) {
                const char* from = group + h * PANEL * 4 + first * 4;
                Words b[V][N::WORDS];
                for (int j = 0; j < V; j++)
                    N::split(load<Words>(from + j * VECTOR_BYTES), b[j]);
                for (int i = 0; i < N::WORDS; i++)
                    for (int r = 0; r < R; r++) {
                        const Words x = all(words[r][(g * N::LOADS + h) * N::WORDS + i]);
                        for (int j = 0; j < V; j++) sums[r][j] = dot(sums[r][j], b[j][i], x);
                    }
            }
            for (int j = 0; j < V; j++) {
                const Floats scale = Sides::scale(group + NUMBERS, first + j * LANES);
                const Floats minimum = Sides::minimum(group + NUMBERS, first + j * LANES);
                for (int r = 0; r < R; r++) {
                    total[r][j] += __builtin_convertvector(sums[r][j], Floats) *
                                   (scale * all(a.scales[at[r] + g]));
                    if (Sides::MINIMUM) total[r][j] += minimum * all(a.totals()[at[r] + g]);
                }
            }
        }
        put(out + first, total);
    }
    asked = ask;
}

// How many times a panel is read for so many rows at once.
constexpr int readings_of(bool groups, int rows) {
    return rows == 1 ? 1 : VECTORS / (groups ? VECTORS_OF_GROUPS : VECTORS_AT_ONCE);
}

template <int R, int READINGS>
inline void tile_of(const Weight& w, const Rows& a, int64_t row, const Part& part, Ask& ask,
                    float* out) {
    constexpr int V = VECTORS / readings_of(false, R), G = VECTORS / readings_of(true, R);
    if (w.kind == FLOAT32) tile<Float32, R, V, READINGS>(a, row, part, ask, out);
    if (w.kind == BFLOAT16) tile<Bfloat16, R, V, READINGS>(a, row, part, ask, out);
    if constexpr (R <= ROWS_OF_GROUPS) {
        const auto take = [&](auto numbers, auto sides) {
            tile_of_groups<decltype(numbers), decltype(sides), R, G, READINGS>(a, row, part, ask, out);
        };
        if (w.kind == INT8) take(Bytes{}, Scales{});
        if (w.kind == INT4) take(Nibbles{}, BytePairs{});
        if (w.kind == Q4_0) take(Nibbles{}, Scales{});
        if (w.kind == Q4_1) take(Nibbles{}, HalfPairs{});
    }
}

// Calls the tile for as many rows as there are.
template <int R>
inline void rows_of_tile(const Weight& w, const Rows& a, int64_t row, int64_t count,
                         int64_t readings, const Part& part, Ask& ask, float* out) {
    if constexpr (R < ROWS_AT_ONCE)
        if (count > R) return rows_of_tile<R + 1>(w, a, row, count, readings, part, ask, out);
    if (readings == 0) tile_of<R, 0>(w, a, row, part, ask, out);
    else if (readings == 1) tile_of<R, 1>(w, a, row, part, ask, out);
    else if (readings < 4) tile_of<R, 2>(w, a, row, part, ask, out);
    else tile_of<R, 4>(w, a, row, part, ask, out);
}

// Scale a tile's columns where they have scales, and add the bias.
inline void finish(const Weight& w, int64_t count, int64_t column, float* out) {
    float bias[PANEL] = {}, scale[PANEL] = {};
    const int columns = int(w.columns - column < PANEL ? w.columns - column : PANEL);
    if (w.bias) std::memcpy(bias, w.bias + column, columns * sizeof(float));
    if (w.scale) std::memcpy(scale, w.scale + column, columns * sizeof(float));
    for (int64_t r = 0; r < count; r++)
        for (int j = 0; j < PANEL; j += LANES) {
            float* at = out + r * PANEL + j;
            const Floats x = load<Floats>(at);
            store(at, (w.scale ? x * load<Floats>(scale + j) : x) + load<Floats>(bias + j));
        }
}

// So many rows are multiplied with a stretch of a panel before the next stretch is read; of more,
// each few with the whole panel, of which the first ask for the next.
constexpr int64_t TOGETHER = 32;

inline int64_t panels_of(const Weight& w) { return (w.columns + PANEL - 1) / PANEL; }

// Panels begin to end of rows · weight + bias; `use(row, column, columns, values)` takes 64 a time.
template <class Use>
inline void panels(const Weight& w, const Rows& a, int64_t rows, int64_t begin, int64_t end,
                   Use&& use) {
    const int64_t bytes = panel_bytes(w);
    const int a_step = in_groups(w) ? group_bytes(w) : PANEL * 4, steps = int(bytes / a_step);
    const int64_t most = in_groups(w) ? ROWS_OF_GROUPS : ROWS_AT_ONCE;
    const int64_t tiles = (rows + most - 1) / most;
    if (!rows) return;
    const auto first = [&](int64_t tile) { return rows * tile / tiles; };
    const bool many = rows > TOGETHER;
    const int64_t each = readings_of(in_groups(w), int(first(1)));
    const int64_t readings = many ? 4 : tiles * each, together = many ? 1 : tiles;
    const int stretch = many || readings == 1 ? steps : STRETCH / a_step;
    alignas(64) float out[TOGETHER * PANEL];
    for (int64_t p = begin; p < end; p++) {
        const char* panel = static_cast<const char*>(w.data) + p * bytes;
        const int64_t column = p * PANEL;
        const int columns = int(w.columns - column < PANEL ? w.columns - column : PANEL);
        Ask ask{panel + (many ? bytes : STRETCH), (a_step + readings - 1) / readings};
        for (int64_t tile = 0; tile < tiles; tile += together) {
            const int64_t row = first(tile), count = first(tile + together) - row;
            for (int at = 0; at < steps; at += stretch) {
                const Part part{panel, at, at + stretch < steps ? at + stretch : steps};
                for (int64_t t = tile; t < tile + together; t++)
                    rows_of_tile<1>(w, a, first(t), first(t + 1) - first(t),
                                    many && t * each >= readings ? 0 : readings, part, ask,
                                    out + (first(t) - row) * PANEL);
            }
            finish(w, count, column, out);
            for (int64_t r = 0; r < count; r++) use(row + r, column, columns, out + r * PANEL);
        }
    }
}

// A thread's part of rows · weight + bias.
template <class Use>
inline void product(const Weight& w, const Rows& a, int64_t rows, int thread, int threads,
                    Use&& use) {
    const int64_t count = panels_of(w);
    panels(w, a, rows, count * thread / threads, count * (thread + 1) / threads, use);
}

}  // namespace
