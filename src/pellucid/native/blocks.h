// Blocks from parts: norm, round, project, turn, attend, merge, feed. A block's description says
// which it has, and the parts are those of every architecture.
#pragma once
#include <omp.h>

#include <initializer_list>

#include "attention.h"
#include "scratch.h"

namespace {

constexpr int64_t EACH_ITS_OWN = 8;  // up to so many rows, every thread rounds all of them itself

// One thread among those that share the work of a call.
struct Team {
    int thread, threads;
    int64_t begin(int64_t count) const { return count * thread / threads; }
    int64_t end(int64_t count) const { return count * (thread + 1) / threads; }
    void wait() const {
#pragma omp barrier
    }
};

// Where rows are rounded for a product: together on a shelf of all, or each thread for itself.
class Rounding {
    Team team_;
    int64_t rows_;
    Shelf shelf_;
    float* row_;

    static int64_t kept_rows(int64_t rows) { return rows <= EACH_ITS_OWN ? 0 : rows; }

public:
    static int64_t shared_bytes(int64_t rows, int64_t widest) {
        return round_up(Shelf::bytes(kept_rows(rows), widest), 64);
    }
    static int64_t own_bytes(int64_t rows, int64_t widest) {
        const int64_t shelf = rows <= EACH_ITS_OWN ? Shelf::bytes(rows, widest) : 0;
        return round_up(shelf, 64) + round_up(round_up(widest, PANEL) * 4, 64);
    }
    Rounding(const Team& team, int64_t rows, int64_t widest, char* shared, char* own)
        : team_(team), rows_(rows), shelf_(alone() ? own : shared, rows, widest),
          row_(reinterpret_cast<float*>(
              own + (alone() ? round_up(Shelf::bytes(rows, widest), 64) : 0))) {}

    bool alone() const { return rows_ <= EACH_ITS_OWN; }

    // `row(i, y)` gives row i as floats, filled up with zeros; it may write them to y.
    template <class Row>
    Rows operator()(const Weight& w, Row&& row) const {
        const int64_t end = alone() ? rows_ : team_.end(rows_);
        for (int64_t i = alone() ? 0 : team_.begin(rows_); i < end; i++)
            round_row(w, row(i, row_), i, shelf_);
        if (!alone()) team_.wait();
        return shelf_.rows(w);
    }

    // The same rows for another weight, which may take them as the weight before it did.
    template <class Row>
    Rows again(const Rows& rounded, const Weight& before, const Weight& w, Row&& row) const {
        if (w.kind == before.kind) return rounded;
        if (!alone()) team_.wait();  // others read what was rounded first
        return (*this)(w, row);
    }
};

// A row that lies in memory already, filled up with zeros.
inline const float* padded(const float* x, int64_t n, float* y) {
    if (n % PANEL == 0) return x;
    if (x != y) std::memcpy(y, x, n * sizeof(float));
    pad(y, n);
    return y;
}

// Threads share the panels of several weights that read the same rows, as those of one.
template <class Row, class Use>
void products(const Team& team, const Rounding& round, int64_t rows,
              std::initializer_list<const Weight*> weights, Row&& row, Use&& use) {
    int64_t all = 0, passed = 0, column = 0;
    for (const Weight* w : weights) all += panels_of(*w);
    const Weight* before = *weights.begin();
    Rows rounded = round(*before, row);
    for (const Weight* w : weights) {
        rounded = round.again(rounded, *before, *w, row);
        const int64_t count = panels_of(*w);
        const int64_t begin = team.begin(all) - passed, end = team.end(all) - passed;
        panels(*w, rounded, rows, begin > 0 ? begin : 0, end < count ? end : count,
               [&](int64_t i, int64_t at, int n, float* values) { use(i, column + at, n, values); });
        before = w;
        passed += count;
        column += w->columns;
    }
}

// What the blocks of a call share, cut from one piece of memory.
struct Buffers {
    float *q, *k, *z, *sums, *middle, *inner;
    char *shelf, *own;
    int64_t own_size;

    int64_t wide_inner, widest;

    static int64_t cut(const Block& b, const Pass& pass, int threads, char* memory, Buffers* made) {
        const int64_t rows = pass.batch * pass.length, merged = int64_t(b.heads) * b.head_size;
        const Heads heads{nullptr,       nullptr, nullptr,    pass.batch, pass.length, b.heads,
                          b.kv_heads, b.head_size, pass.start, nullptr};
        Buffers at{};
        at.wide_inner = round_up(b.up.columns, PANEL);
        at.widest = b.width > merged ? b.width : merged;
        if (b.up.columns > at.widest) at.widest = b.up.columns;
        Cut cut{memory};
        at.q = cut.take<float>(rows * merged * 4);
        at.k = cut.take<float>(rows * b.kv_heads * b.head_size * 4);
        const int pieces = heads.pieces(threads);
        at.z = cut.take<float>(pieces * rows * merged * 4);
        at.sums = cut.take<float>(pieces * rows * b.heads * 8);
        at.middle = cut.take<float>(rows * b.width * 4);
        at.inner = cut.take<float>(rows * at.wide_inner * 4);
        at.shelf = cut.take<char>(Rounding::shared_bytes(rows, at.widest));
        at.own_size = round_up(Rounding::own_bytes(rows, at.widest) +
                               attention_bytes(pass.start + pass.length, b.head_size), 4096);
        at.own = cut.take<char>(threads * at.own_size);
        if (made) *made = at;
        return cut.at - memory;
    }
};

// One block, as one thread of a team computes it; x may be out.
template <class Number, class Kind>
class Walk {
    const Block& b_;
    const Pass& pass_;
    const Buffers& at_;
    const Team& team_;
    const Rounding& round_;
    Kept<Number> kept_;
    const int64_t rows_, d_;

public:
    Walk(const Block& b, const Pass& pass, const Buffers& at, const Team& team,
         const Rounding& round, int64_t number)
        : b_(b), pass_(pass), at_(at), team_(team), round_(round),
          kept_{static_cast<Number*>(pass.keys), static_cast<Number*>(pass.values), b.head_size,
                pass.room},
          rows_(pass.batch * pass.length), d_(b.head_size) {
        kept_ = kept_.head(number * pass.batch * b.kv_heads);
    }

    void operator()(const float* x, float* out) const {
        project(x);
        team_.wait();
        if (turns()) {
            turn_heads();
            team_.wait();
        }
        const Heads heads{at_.q, at_.z, at_.sums, pass_.batch, pass_.length, b_.heads,
                          b_.kv_heads, d_, pass_.start, b_.windowed ? pass_.sight : nullptr};
        attend<Number, Kind>(heads, kept_, team_.thread, team_.threads,
                             at_.own + team_.thread * at_.own_size +
                                 Rounding::own_bytes(rows_, at_.widest));
        team_.wait();
        const int pieces = heads.pieces(team_.threads);
        add(b_.out, x, at_.middle,
            [&](int64_t i, float* y) { return put_together(heads, pieces, i, y); });
        team_.wait();
        feed();
        team_.wait();
        add(b_.down, at_.middle, out,
            [&](int64_t i, float*) { return at_.inner + i * at_.wide_inner; });
        team_.wait();
    }

private:
    bool turns() const {
        return b_.turned || b_.of_queries.kind != NO_NORM || b_.of_keys.kind != NO_NORM;
    }

    // The rows of a stream, normed.
    auto normed(const Norm& norm, const float* x) const {
        return [&norm, x, n = int64_t(b_.width)](int64_t i, float* y) {
            normalize(norm, x + i * n, n, y);
            pad(y, n);
            return static_cast<const float*>(y);
        };
    }

    // Queries are written in rows; so are keys that will be turned, and others where they are kept.
    void project(const float* x) const {
        const auto normed_row = normed(b_.before_attention, x);
        const int64_t q = b_.heads * d_, k = b_.kv_heads * d_;
        const auto use = [&, direct = !turns()](int64_t row, int64_t column, int n, float* from) {
            for (int64_t at = column, left = n, run; left; at += run, from += run, left -= run) {
                const int64_t end = at < q ? q : at < q + k ? q + k : at + left;
                run = left < end - at ? left : end - at;
                if (at < q) std::memcpy(at_.q + row * q + at, from, run * 4);
                else if (at >= q + k) keep<&Kept<Number>::put_values>(row, at - q - k, run, from);
                else if (direct) keep<&Kept<Number>::put_key>(row, at - q, run, from);
                else std::memcpy(at_.k + row * k + at - q, from, run * 4);
            }
        };
        if (b_.k.data) products(team_, round_, rows_, {&b_.q, &b_.k, &b_.v}, normed_row, use);
        else products(team_, round_, rows_, {&b_.q}, normed_row, use);
    }

    Kept<Number> kept_head(int64_t row, int64_t head) const {
        return kept_.head(row / pass_.length * b_.kv_heads + head);
    }

    // Some columns of a row of keys, or of values, head by head.
    template <auto Put>
    void keep(int64_t row, int64_t column, int64_t count, const float* from) const {
        const int64_t place = row % pass_.length;
        for (int64_t at = column, left = count, run; left; at += run, from += run, left -= run) {
            run = left < d_ - at % d_ ? left : d_ - at % d_;
            (kept_head(row, at / d_).*Put)(pass_.start + place, at % d_, run, from,
                                           place + 1 == pass_.length);
        }
    }

    // Heads of queries and of keys, normed and turned where the block does either.
    void turn_heads() const {
        const int64_t heads = b_.heads + b_.kv_heads;
        for (int64_t i = team_.begin(rows_ * heads); i < team_.end(rows_ * heads); i++) {
            const int64_t row = i / heads, head = i % heads, place = row % pass_.length;
            const bool query = head < b_.heads;
            float* x = query ? at_.q + (row * b_.heads + head) * d_
                             : at_.k + (row * b_.kv_heads + head - b_.heads) * d_;
            normalize(query ? b_.of_queries : b_.of_keys, x, d_, x);
            if (b_.turned)
                turn(x, d_, pass_.cos + place * (d_ / 2), pass_.sin + place * (d_ / 2));
            if (!query) kept_head(row, head - b_.heads).put_key(pass_.start + place, 0, d_, x, false);
        }
    }

    // to = residual + rows weight + bias
    template <class Row>
    void add(const Weight& w, const float* residual, float* to, Row&& row) const {
        const Rows rows =
            round_(w, [&](int64_t i, float* y) { return padded(row(i, y), w.inputs, y); });
        const int64_t C = b_.width;
        product(w, rows, rows_, team_.thread, team_.threads,
                [&](int64_t row, int64_t column, int n, const float* at) {
                    const float* stream = residual + row * C + column;
                    float* sum = to + row * C + column;
                    for (int j = 0; j < n; j++) sum[j] = stream[j] + at[j];
                });
    }

    // inner = bend(x up), or bend(x gate) · (x up): a thread has the same columns of both.
    void feed() const {
        const auto row = normed(b_.before_mlp, at_.middle);
        const Weight& first = b_.gate.data ? b_.gate : b_.up;
        const Rows rows = round_(first, row);
        const auto place = [&](int64_t row, int64_t column) {
            return at_.inner + row * at_.wide_inner + column;
        };
        product(first, rows, rows_, team_.thread, team_.threads,
                [&](int64_t row, int64_t column, int n, float* at) {
                    bend(b_.activation, at);
                    std::memcpy(place(row, column), at, n * sizeof(float));
                });
        if (!b_.gate.data) return;
        const Rows again = round_.again(rows, b_.gate, b_.up, row);
        product(b_.up, again, rows_, team_.thread, team_.threads,
                [&](int64_t row, int64_t column, int n, const float* at) {
                    float* gated = place(row, column);
                    for (int j = 0; j < n; j++) gated[j] *= at[j];
                });
    }
};

template <class Number, class Kind>
void walk_blocks(const Block* blocks, int count, const Norm* last, const Pass& pass) {
    const int64_t rows = pass.batch * pass.length, width = blocks->width;
    Buffers at;
    char* memory = scratch.get(Buffers::cut(*blocks, pass, pass.threads, nullptr, nullptr));
    Buffers::cut(*blocks, pass, pass.threads, memory, &at);
#pragma omp parallel num_threads(pass.threads)
    {
        const Team team{omp_get_thread_num(), omp_get_num_threads()};
        const Rounding round(team, rows, at.widest, at.shelf, at.own + team.thread * at.own_size);
        for (int number = 0; number < count; number++)
            Walk<Number, Kind>(blocks[number], pass, at, team, round, number)(
                number ? pass.out : pass.x, pass.out);
        if (last)
            for (int64_t i = team.begin(rows); i < team.end(rows); i++)
                normalize(*last, pass.out + i * width, width, pass.out + i * width);
    }
}

}  // namespace
