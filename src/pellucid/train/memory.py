"""Memory that a process keeps: what one step frees, the next reuses without asking the system.

glibc gives the memory of a large tensor back to the system as soon as nothing uses it, and the next
tensor's pages come anew, each by a fault. A step that makes hundreds of tensors spends much of its
time so, and a traced one most of what tracing costs.
"""

import ctypes
import gc

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""The names of two settings in glibc's malloc.h."""


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
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))


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
