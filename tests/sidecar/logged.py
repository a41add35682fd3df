"""The log of a test as an operator would get it: JSON, one line an entry, harmless and without secrets."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from hitl_stream.observe import log

# The start of every JWT, and what lines and terminals obey.
_TOKEN = "eyJ"
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]")


@contextmanager
def harmless() -> Iterator[io.StringIO]:
    """What the log gets meanwhile. At the end every line must be one harmless JSON object, and none an error."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("json", "sidecar", stream)
    try:
        yield stream
    finally:
        root.handlers[:], root.level = before
        logging.captureWarnings(False)
        structlog.reset_defaults()
    check(stream.getvalue())


def check(written: str) -> None:
    assert written
    assert _TOKEN not in written
    for line in written.removesuffix("\n").split("\n"):
        if line:
            assert not _OBEYED.search(line), repr(line)
            entry = json.loads(line)
            assert {"at", "level", "event", "process"} <= entry.keys()
            assert entry["level"] in ("info", "warning") or entry["event"] == "glass_broken", line
