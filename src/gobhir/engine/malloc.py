"""Memory that was freed is kept for the next array instead of being handed back to the system.

A training step makes and drops the same arrays again and again. By default the C library gives
large ones back at once, and the system hands them out anew page by page, filled with zeros: for
a small convolutional network that takes longer than the step itself. Frameworks keep a cache of
their own; here the library is asked to be one. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 512 * 2**20
"""So many free bytes may stay with the process."""
LARGE = 64 * 2**20
"""Arrays larger than this still come from the system and go back to it."""


def keep_freed_memory() -> bool:
    """Ask for it, where the C library is glibc; returns whether it was granted."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT) and mallopt(M_MMAP_THRESHOLD, LARGE))
