"""Python's garbage collector and the C library's allocator, told what a process that lives for weeks needs."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

YOUNG_MAX: Final = 50_000  # objects
MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of malloc.h
LARGE: Final = 64 * 1024  # bytes


def settle() -> None:
    """What is loaded stays loaded, and is not looked at again; what is freed goes back. Call it when everything is loaded."""
    gc.collect()
    gc.freeze()
    # With the defaults of CPython 3.11 a worker loses up to half of its throughput to the collector, and a sidecar with a
    # thousand clients stands still for 200 ms at a time.
    gc.set_threshold(YOUNG_MAX)
    _give_back()


def _give_back() -> None:
    """Large blocks get a mapping of their own, now and always, and end with it; holes left by loading are given back.

    By itself glibc takes blocks of up to the largest ever freed (32 MiB) from the heap, where whatever outlives a batch
    then holds its room: 25 MB of a worker that are of no use to anybody (mallopt(3), "dynamic mmap threshold").
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):  # others than glibc have neither
        library.mallopt(MMAP_THRESHOLD, LARGE)
        library.malloc_trim(ctypes.c_size_t(0))
