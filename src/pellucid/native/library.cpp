// Chooses the table for the processor that the library runs on.
#include "native.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

extern "C" {

// The best table for this processor, or that of a lower level: 0 portable, 1 AVX2 or NEON's dot
// products, 2 AVX-512 with VNNI and bfloat16. Null where the processor lacks it.
const Table* pellucid_table(int level) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (level == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16")
                   ? table_avx512
                   : nullptr;
    if (level == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("f16c")
                   ? table_avx2
                   : nullptr;
#elif defined(__aarch64__)
    if (level == 1) return getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? table_dotprod : nullptr;
#endif
    return level == 0 ? table_portable : nullptr;
}
}
