"""The demo's one log: what children write as JSON and what the neighbours do, as lines for people.

Text from upstream is hostile: whatever a terminal could obey or show in another order is escaped.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import IO, Any

import orjson

from hitl_stream.observe import text

TEXT_MAX = 160
POLL_S = 0.1
COLOURS = {
    "approved": "32", "deployed": "32", "pending": "33", "collecting": "33", "rejected": "31", "revoked": "31",
    "expired": "31", "dead letter": "35", "failed": "31", "error": "31", "critical": "31", "warning": "33", "story": "2",
}  # fmt: skip

_KNOWN = frozenset(("event", "level", "timestamp", "logger", "process", "at", "time"))


class Screen:
    """Writes whole lines; threads share one."""

    def __init__(self, stream: IO[str] = sys.stdout) -> None:
        self._stream = stream
        self._lock = Lock()
        self._coloured = stream.isatty()

    def say(self, line: str = "") -> None:
        """A line of the demo itself."""
        with self._lock:
            print(line, file=self._stream, flush=True)

    def show(self, what: str, subject: str, more: str = "") -> None:
        """A line with the time: what happened to which patch, and why."""
        at = f"{datetime.now().astimezone():%H:%M:%S.%f}"[:-3]
        label = f"{what:<12}"
        if self._coloured and what in COLOURS:
            label = f"\033[{COLOURS[what]}m{label}\033[0m"
        self.say(f"{at}  {label} {printable(subject):<44} {printable(more)}".rstrip())

    def show_log(self, name: str, line: str) -> None:
        """A line that a child wrote; routine is left out."""
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            entry = line
        if not isinstance(entry, dict):
            self.show(name, str(entry).rstrip())
        elif entry.get("level") not in ("debug", "info"):
            self.show(str(entry.get("level", "warning")), f"{name}: {entry.get('event', '')}", members(entry))


def members(entry: Mapping[str, Any]) -> str:
    """What a log entry carries beside its event."""
    return " ".join(f"{name}={value}" for name, value in entry.items() if name not in _KNOWN)


def printable(upstream: str) -> str:
    """The text, cut and escaped, on one line."""
    return text.clean(upstream if len(upstream) <= TEXT_MAX else upstream[: TEXT_MAX - 1] + "…")


def follow(path: Path, name: str, screen: Screen, stop: Flag) -> None:
    """Show what a child writes to its log, until `stop` is set."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        pending = ""
        while True:
            finished = stop.is_set()
            while chunk := lines.readline():
                pending += chunk
                if pending.endswith("\n"):
                    screen.show_log(name, pending)
                    pending = ""
            if finished:
                return
            stop.wait(POLL_S)
