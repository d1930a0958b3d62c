// Vectors as wide as the processor's registers, by GCC's and Clang's vector extension.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

namespace {

constexpr int LANES = VECTOR_BYTES / 4;
typedef float Floats __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t Ints __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t Words __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t Halves __attribute__((vector_size(VECTOR_BYTES / 2)));

template <class V>
inline V load(const void* from) {
    V v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class V>
inline void store(void* to, V v) {
    std::memcpy(to, &v, sizeof v);
}

inline Floats all(float x) { return x - Floats{}; }
inline Words all(uint32_t x) { return x - Words{}; }
inline Ints all(int32_t x) { return x - Ints{}; }

inline float sum(Floats v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)v);
#endif
    float total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

inline float largest(Floats v) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512)v);
#endif
    float found = v[0];
    for (int i = 1; i < LANES; i++) found = v[i] > found ? v[i] : found;
    return found;
}

inline int32_t sum(Ints v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_epi32((__m512i)v);
#endif
    int32_t total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

// The nearest whole number, ties to even, as a float; for |x| below 2^22.
inline Floats nearest(Floats x) {
    const Floats shift = all(12582912.0f);  // 1.5 · 2^23: beyond it a float has no fraction
    return (x + shift) - shift;
}

// e^x to two units in the last place: 2^n · e^r with |r| <= ln 2 / 2, by Taylor's series.
inline Floats exponential(Floats x) {
    x = smaller(larger(x, all(-87.0f)), all(88.0f));
    const Floats n = nearest(x * all(1.44269504f));
    const Floats r = (x - n * all(0.693145752f)) - n * all(1.42860677e-6f);
    Floats p = all(1.0f / 5040);
    p = p * r + all(1.0f / 720);
    p = p * r + all(1.0f / 120);
    p = p * r + all(1.0f / 24);
    p = p * r + all(1.0f / 6);
    p = p * r + all(0.5f);
    p = p * r + all(1.0f);
    p = p * r + all(1.0f);
    const Ints power = (__builtin_convertvector(n, Ints) + all(int32_t{127})) << 23;
    return p * (Floats)power;
}

// -- bfloat16: the upper half of a float, rounded to nearest, ties to even -----------------------

inline uint16_t to_bfloat16(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float from_bfloat16(uint16_t half) {
    const uint32_t bits = uint32_t(half) << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

inline void store_bfloat16(uint16_t* to, Floats x) {
    const Words bits = (Words)x;
    const Words rounded = (bits + all(0x7fffu) + ((bits >> 16) & all(1u))) >> 16;
    store(to, __builtin_convertvector(rounded, Halves));
}

inline Floats load_bfloat16(const uint16_t* from) {
    return (Floats)(__builtin_convertvector(load<Halves>(from), Words) << 16);
}

// -- float16: numbers of a file; those that are not finite do not occur ----------------------------

inline Floats load_float16(const uint16_t* from) {
#if defined(__AVX512F__)
    return (Floats)_mm512_cvtph_ps(load<__m256i>(from));
#elif defined(__F16C__)
    return (Floats)_mm256_cvtph_ps(load<__m128i>(from));
#else
    const Words half = __builtin_convertvector(load<Halves>(from), Words);
    // With float's exponent, which begins 112 lower; so halves without one become exact as well.
    const Floats size = (Floats)((half & all(0x7fffu)) << 13) * all(5.192296858534828e33f);
    return (Floats)((Words)size | (half & all(0x8000u)) << 16);
#endif
}

inline Floats load_bytes(const uint8_t* from) {
    typedef uint8_t Bytes __attribute__((vector_size(LANES)));
    return __builtin_convertvector(__builtin_convertvector(load<Bytes>(from), Ints), Floats);
}

inline Floats load_floats(const float* from) { return load<Floats>(from); }
inline Floats load_floats(const uint16_t* from) { return load_bfloat16(from); }
inline float load_float(const float* from) { return *from; }
inline float load_float(const uint16_t* from) { return from_bfloat16(*from); }
inline void store_floats(float* to, Floats x) { store(to, x); }
inline void store_floats(uint16_t* to, Floats x) { store_bfloat16(to, x); }
inline void store_float(float* to, float x) { *to = x; }
inline void store_float(uint16_t* to, float x) { *to = to_bfloat16(x); }

// Calls `vector(i)` for whole vectors and `scalar(i)` for what is left of n.
template <class V, class S>
inline void each(int64_t n, V&& vector, S&& scalar) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vector(i);
    for (; i < n; i++) scalar(i);
}

}  // namespace
