"""The floor of whatever waits for the disk: what it needs by itself, asked seldom while something else is measured."""

from __future__ import annotations

import mmap
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAGE = bytes(8_192)  # as large as Postgres writes and reads it
EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Disk:
    """Milliseconds of each fdatasync of one page, and of each read of one, beside what `during` names."""

    during: str
    syncs_ms: list[float] = field(default_factory=list)
    reads_ms: list[float] = field(default_factory=list)


@contextmanager
def beside(during: str, folder: Path) -> Iterator[Disk]:
    """Ask the disk under this folder as long as this lasts. No reads where its file system keeps everything in memory."""
    asked, over = Disk(during), threading.Event()
    with tempfile.TemporaryFile(dir=folder) as file, _uncached(_largest(folder)) as read:
        asking = threading.Thread(target=_ask, args=(file.fileno(), read, asked, over), name="disk", daemon=True)
        asking.start()
        try:
            yield asked
        finally:
            over.set()
            asking.join()


def _largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


@contextmanager
def _uncached(path: Path) -> Iterator[Callable[[], None] | None]:
    """What reads any one page of the file from the disk itself; None where that cannot be done."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        yield None
        return
    buffer, pages = mmap.mmap(-1, len(PAGE)), path.stat().st_size // len(PAGE)

    def read() -> None:
        os.preadv(number, [buffer], random.randrange(pages) * len(PAGE))

    try:
        yield read if pages else None
    finally:
        os.close(number)


def _ask(number: int, read: Callable[[], None] | None, asked: Disk, over: threading.Event) -> None:
    def write() -> None:
        os.pwrite(number, PAGE, 0)
        os.fdatasync(number)

    while True:
        asked.syncs_ms.append(_milliseconds(write))
        if read is not None:
            asked.reads_ms.append(_milliseconds(read))
        if over.wait(EVERY_S):
            return


def _milliseconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1_000
