"""Python's garbage collector, told what a process that lives for weeks needs."""

from __future__ import annotations

import gc
from typing import Final

YOUNG_MAX: Final = 50_000  # objects


def settle() -> None:
    """What is loaded stays loaded, and is not looked at again; call it when everything is.

    With the defaults of CPython 3.11 a worker loses up to half of its throughput to the collector, and a sidecar with a
    thousand clients stands still for 200 ms at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
