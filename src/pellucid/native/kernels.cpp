// The kernels for one kind of processor: compiled once for each, with TABLE and NAME
// naming the result.
#include "adamw.h"
#include "blocks.h"
#include "training.h"

namespace {

void linear(const Weight* weight, const float* x, float* out, int64_t rows, int threads) {
    const Weight& w = *weight;
    const int64_t shared = Rounding::shared_bytes(rows, w.inputs);
    const int64_t own = Rounding::own_bytes(rows, w.inputs);
    char* memory = scratch.get(shared + threads * own);
#pragma omp parallel num_threads(threads)
    {
        const Team team{omp_get_thread_num(), omp_get_num_threads()};
        const Rounding round(team, rows, w.inputs, memory, memory + shared + team.thread * own);
        const auto row = [&](int64_t i, float* y) { return padded(x + i * w.inputs, w.inputs, y); };
        product(w, round(w, row), rows, team.thread, team.threads,
                [&](int64_t row, int64_t column, int n, float* values) {
                    std::memcpy(out + row * w.columns + column, values, n * sizeof(float));
                });
    }
}

// `count` blocks, and a norm after the last of them where one is given.
void blocks(const Block* first, int count, const Norm* last, const Pass* pass) {
    if (pass->kept == FLOAT32) walk_blocks<float, Float32>(first, count, last, *pass);
    else walk_blocks<uint16_t, Bfloat16>(first, count, last, *pass);
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

const Table table{NAME, linear, blocks, attend_heads, square_sums, adamw};

}  // namespace

const Table* const TABLE = &table;
