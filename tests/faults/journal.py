"""What is sent, asked, heard and done to the system: a JSON line each, handed to the operating system before it is sent.

    {"at": 1764118801.20, "what": "sends", "upstream": 1000, "number": 3, "topic": "wargaming.results", "sha256": "…", …}
    {"at": 1764118801.22, "what": "acknowledged", "upstream": 1000, "number": 3, "place": ["wargaming.results", 2, 41]}
    {"at": 1764118801.25, "what": "asked", "ask": 17, "who": "ann", "op": "approve", …}
    {"at": 1764118801.31, "what": "answered", "ask": 17, "status": 200, "body": {…}}

The judge reads it and nothing else of those who wrote it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Journal:
    """Appends lines; safe to be used by several threads. `at` is the time of day in seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._asks = 0

    def write(self, what: str, **said: Any) -> float:
        """Add a line; returns its time."""
        with self._lock:
            at = time.time()
            self._file.write(json.dumps({"at": at, "what": what, **said}).encode() + b"\n")
        return at

    def ask(self, **said: Any) -> int:
        """Add the line of something that is about to be asked for; returns its number."""
        with self._lock:
            self._asks += 1
            number = self._asks
        self.write("asked", ask=number, **said)
        return number

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()


def read(path: Path) -> Iterable[dict[str, Any]]:
    """Every line, in the order of writing."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
