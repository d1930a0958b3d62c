"""Memory that a process keeps: what one step frees, the next reuses without asking the system.

glibc gives the memory of a large tensor back to the system as soon as nothing uses it, and the next
tensor's pages come anew, each by a fault. A step that makes hundreds of tensors spends much of its
time so, and a traced one most of what tracing costs.
"""

import ctypes
import gc
import mmap
import os

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""The names of two settings in glibc's malloc.h."""
HUGE_PAGE = 1 << 21


def keep_memory() -> bool:
    """Let this process keep the memory that it frees and reuse it; whether it now does so.

    It then stays as large as it was at its largest, and is no larger at that: good for one that
    makes many steps, or one with many tensors, and then ends. The command line does so. Where
    there is no glibc (not on Linux, or under musl) nothing is changed.
    Source: mallopt(3), M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    keeps = bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))
    if keeps:
        _ask_for_huge_pages()
    return keeps


def _ask_for_huge_pages() -> None:
    """Let what this process takes from now on come in pages of 2 MiB, where the system has them.

    They are fewer by a factor of 512, to be cleared and to be looked up. The heap is made longer
    by half of the machine's memory, none of which is used yet, and that range is marked.
    Source: madvise(2), MADV_HUGEPAGE.
    """
    library, advice = ctypes.CDLL(None), getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None:
        return
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    library.malloc.restype = ctypes.c_void_p
    if start := library.malloc(ctypes.c_size_t(size)):
        first = -(-start // HUGE_PAGE) * HUGE_PAGE
        length = (start + size - first) // HUGE_PAGE * HUGE_PAGE
        library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), advice)
        library.free(ctypes.c_void_p(start))


def give_back() -> bool:
    """Return unused memory to the system; whether this was possible.

    For a process that goes on: what is freed bit by bit stays with it otherwise, as spare pages
    between those in use. Source: malloc_trim(3).
    """
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    trim(0)
    return True
