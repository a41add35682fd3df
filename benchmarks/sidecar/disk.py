"""The floor of whatever waits for a commit: what the disk itself needs, asked seldom while something else is measured."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAGE = bytes(8_192)  # as large as Postgres writes it
EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Disk:
    """Milliseconds of each fdatasync of one page beside what `during` names."""

    during: str
    milliseconds: list[float] = field(default_factory=list)


@contextmanager
def beside(during: str) -> Iterator[Disk]:
    """Ask the disk of the temporary folder, where Postgres has its data too, as long as this lasts."""
    asked, over = Disk(during), threading.Event()
    with tempfile.TemporaryFile() as file:
        asking = threading.Thread(target=_ask, args=(file.fileno(), asked, over), name="disk", daemon=True)
        asking.start()
        try:
            yield asked
        finally:
            over.set()
            asking.join()


def _ask(number: int, asked: Disk, over: threading.Event) -> None:
    while True:
        started = time.perf_counter()
        os.pwrite(number, PAGE, 0)
        os.fdatasync(number)
        asked.milliseconds.append((time.perf_counter() - started) * 1_000)
        if over.wait(EVERY_S):
            return
