// Runs the kernels on memory of exactly the sizes that they are told of, for sanitizers to watch:
// blocks of both kinds, each form of weight, odd sizes, a past, windows, several threads.
#define TABLE table_sanitized
#define NAME "sanitized"
#include "kernels.cpp"

#include <cstdio>
#include <memory>
#include <random>
#include <vector>

namespace {

std::mt19937 generator(1);
std::vector<std::unique_ptr<std::vector<char>>> memory;

template <class T>
T* bytes_of(int64_t bytes, bool numbers) {
    memory.push_back(std::make_unique<std::vector<char>>(bytes));
    char* at = memory.back()->data();
    std::normal_distribution<float> normal;
    if (numbers)
        for (int64_t i = 0; i + 4 <= bytes; i += 4) {
            const float x = normal(generator);
            std::memcpy(at + i, &x, 4);
        }
    return reinterpret_cast<T*>(at);
}

float* floats(int64_t count) { return bytes_of<float>(count * 4, true); }

// Whole numbers are whatever bytes come; 0x1111 as a float16 or bfloat16 is small and positive.
Weight weight(int inputs, int columns, int kind, bool bias) {
    Weight w{};
    w.inputs = inputs, w.columns = columns, w.kind = kind;
    const int64_t size = panels_of(w) * panel_bytes(w);
    char* data = bytes_of<char>(size, kind == FLOAT32);
    if (kind != FLOAT32) std::memset(data, 0x11, size);
    w.data = data;
    if (kind == INT4) w.scale = floats(columns);
    if (bias) w.bias = floats(columns);
    return w;
}

struct Sizes {
    int width, heads, kv_heads, d, inner;
};

Norm norm(int kind, int size, bool bias) {
    return {floats(size), bias ? floats(size) : nullptr, 1e-5f, kind};
}

Block gpt(const Sizes& s, int kind, bool bias) {
    Block b{};
    b.before_attention = norm(LAYER_NORM, s.width, bias);
    b.before_mlp = norm(LAYER_NORM, s.width, bias);
    b.q = weight(s.width, (s.heads + 2 * s.kv_heads) * s.d, kind, bias);
    b.up = weight(s.width, s.inner, kind, bias);
    b.activation = GELU_TANH;
    return b;
}

Block llama(const Sizes& s, int kind, bool bias) {
    Block b{};
    b.before_attention = norm(RMS_NORM, s.width, false);
    b.before_mlp = norm(RMS_NORM, s.width, false);
    if (bias) b.of_queries = norm(RMS_NORM, s.d, false), b.of_keys = norm(RMS_NORM, s.d, false);
    b.q = weight(s.width, s.heads * s.d, kind, bias);
    b.k = weight(s.width, s.kv_heads * s.d, bias ? FLOAT32 : kind, bias);
    b.v = weight(s.width, s.kv_heads * s.d, kind, bias);
    b.gate = weight(s.width, s.inner, kind, bias);
    b.up = weight(s.width, s.inner, bias ? BFLOAT16 : kind, bias);
    b.activation = SILU;
    b.turned = 1, b.windowed = bias;
    return b;
}

// A text of `lengths` tokens, a call each, on keys and values that are kept.
void read(const Sizes& s, Block b, int kind, bool bias, int threads) {
    b.out = weight(s.heads * s.d, s.width, kind, bias);
    b.down = weight(s.inner, s.width, kind, bias);
    b.width = s.width, b.heads = s.heads, b.kv_heads = s.kv_heads, b.head_size = s.d;
    const Block both[] = {b, b};
    const Norm last = norm(b.before_mlp.kind, s.width, false);
    Pass pass{};
    pass.batch = 2, pass.room = 2 * PANEL, pass.threads = threads;
    pass.kept = kind == FLOAT32 ? FLOAT32 : BFLOAT16;
    const int64_t size = kind == FLOAT32 ? 4 : 2, heads = 2 * pass.batch * s.kv_heads;
    const int64_t wide = round_up(s.d, WIDE), words = round_up(s.d, 4 / size);
    // Keys and values begin as numbers that are none.
    const int64_t key_bytes = heads * pass.room * words * size;
    const int64_t value_bytes = heads * pass.room * wide * size;
    pass.keys = std::memset(bytes_of<void>(key_bytes, false), 0xff, key_bytes);
    pass.values = std::memset(bytes_of<void>(value_bytes, false), 0xff, value_bytes);
    for (int length : {3, 1, 66, 1, 13, 1}) {
        pass.length = length;
        const int64_t numbers = pass.batch * length * s.width, keys = pass.start + length;
        pass.x = floats(numbers), pass.out = floats(numbers);
        pass.cos = floats(length * (s.d / 2)), pass.sin = floats(length * (s.d / 2));
        auto* sight = bytes_of<uint8_t>(length * keys, false);
        for (int64_t t = 0; t < length; t++)
            for (int64_t at = 0; at < keys; at++)
                sight[t * keys + at] = at <= pass.start + t && at > pass.start + t - 9;
        pass.sight = sight;
        TABLE->blocks(both, 2, &last, &pass);
        for (int64_t i = 0; i < numbers; i++)
            if (!std::isfinite(pass.out[i])) std::abort();
        pass.start += length;
    }
}

}  // namespace

int main() {
    const Sizes even{20, 6, 2, 6, 70}, panels{64, 2, 1, 64, 128}, odd{15, 3, 3, 5, 34};
    int count = 0;
    for (int kind : {FLOAT32, BFLOAT16, INT8, INT4, Q4_0, Q4_1})
        for (bool bias : {false, true})
            for (int threads : {1, 3}) {
                read(odd, gpt(odd, kind, bias), kind, bias, threads);
                for (const Sizes& sizes : {even, panels})
                    read(sizes, llama(sizes, kind, bias), kind, bias, threads);
                const Weight w = weight(33, 70, kind, bias);
                for (int rows : {1, 7, 40})
                    TABLE->linear(&w, floats(rows * 33), floats(rows * 70), rows, threads);
                memory.clear();
                count++;
            }
    std::printf("%d\n", count);
}
