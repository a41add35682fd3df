"""The last resort of an orderly end: whatever hangs, the process is gone when its grace period is over."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

from hitl_stream.observe import log


def expire_after(grace_s: float) -> threading.Timer:
    """End the process by force after this time, whatever it waits for then, and say what that is. Call it on a running loop,
    and cancel what it returns when there is nothing to wait for any more."""
    loop = asyncio.get_running_loop()

    def expire() -> None:
        log.get().error("grace_period_over", grace_s=grace_s, waiting=sorted(map(_place, asyncio.all_tasks(loop))))
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(grace_s, expire)
    timer.daemon = True
    timer.start()
    return timer


def _place(task: asyncio.Task[Any]) -> str:
    """Where a task stands still: the coroutines that wait for each other, the innermost last."""
    places: list[str] = []
    waits: Any = task.get_coro()
    while (frame := getattr(waits, "cr_frame", None)) is not None:
        places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        waits = waits.cr_await
    return f"{task.get_name()}: {' > '.join(places)}"
