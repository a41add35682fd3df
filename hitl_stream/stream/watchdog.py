"""Ends the process when it is stuck although everything it needs is there. A thread, because the loop may be what is stuck.

What is not its business: a dependency that is away, and having nothing to do. The process ends hard, after writing where
every thread stood; whoever starts it again loses nothing by that.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hitl_stream.observe import log

EXIT_CODE = 70
LOOK_S = 1.0
STUCK_S = 60.0


def end_process(reason: str) -> None:
    """Say why and where, and end at once."""
    log.get().critical("process_stuck", reason=reason)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(EXIT_CODE)


@dataclass(slots=True)
class Watchdog:
    """`expected` says whether progress could be made now, `progress_at` when some was made last (monotonic)."""

    expected: Callable[[], bool]
    progress_at: Callable[[], float]
    stuck_s: float = STUCK_S
    end: Callable[[str], None] = end_process
    loop_at: float = field(default_factory=time.monotonic)
    _expected_since: float | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def tick(self) -> None:
        """The loop turns."""
        self.loop_at = time.monotonic()

    def look(self, now: float) -> str | None:
        """Why the process is stuck, if it is."""
        if now - self.loop_at > self.stuck_s:
            return f"the event loop has not turned for {now - self.loop_at:.0f} s"
        if not self.expected():
            self._expected_since = None
            return None
        if self._expected_since is None:
            self._expected_since = now
        idle_s = now - max(self._expected_since, self.progress_at())
        return (
            f"nothing was recorded for {idle_s:.0f} s, and nothing is missing for it" if idle_s > self.stuck_s else None
        )

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_S):
            reason = self.look(time.monotonic())
            if reason is not None:
                self.end(reason)
                return
