"""The last resort of an orderly end: whatever hangs, the process is gone when its grace period is over."""

from __future__ import annotations

import os
import sys
import threading

from hitl_stream.observe import log


def expire_after(grace_s: float) -> None:
    """End the process by force after this time, whatever it waits for then."""

    def expire() -> None:
        log.get().error("grace_period_over", grace_s=grace_s)
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(grace_s, expire)
    timer.daemon = True
    timer.start()
