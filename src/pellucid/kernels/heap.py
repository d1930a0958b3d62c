"""Memory that is kept: what a step gives back, the next one takes again, without asking the system.

The C library of Linux maps each large block anew, and the system clears its pages one by one when
they are first touched: of a training step of GPT-2, whose tensors come and go, that is a fifth.
"""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""What mallopt calls the two settings, in malloc.h of the GNU C library."""


def keep_heap() -> bool:
    """Let the process keep the memory that it frees, for what it allocates next.

    Its resident memory then stays at its highest. Says whether the C library can: only the GNU one.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, -1))
