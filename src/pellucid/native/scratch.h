// Memory that a call computes in.
#pragma once
#include <cstdlib>

#include "vectors.h"

namespace {

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Memory that a thread of the caller's keeps from call to call, since fresh pages cost more than
// what is computed in them.
class Scratch {
    char* at_ = nullptr;
    int64_t size_ = 0;

public:
    ~Scratch() { std::free(at_); }
    char* get(int64_t bytes) {
        if (bytes > size_) {
            std::free(at_);
            size_ = round_up(bytes + bytes / 4, 4096);
            at_ = static_cast<char*>(std::aligned_alloc(4096, size_));
            if (!at_) std::abort();
        }
        return at_;
    }
};
thread_local Scratch scratch;

// Parts of one piece of memory, each beginning a cache line.
struct Cut {
    char* at;
    template <class T>
    T* take(int64_t bytes) {
        char* here = at;
        at += round_up(bytes, 64);
        return reinterpret_cast<T*>(here);
    }
};

}  // namespace
