"""Runs `hitl-stream` in this process: what it prints and how it exits, as a shell would see it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from hitl_stream import cli


def run(*words: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, output, errors. Not for commands that take over the process (worker, scheduler, sidecar, demo)."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin))
    with (
        patch.object(sys, "argv", ["hitl-stream", *words]),
        patch.object(sys, "stdin", given),
        patch.dict(os.environ, env or {}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
            code: object = 0
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int | None), code
    return code or 0, out.getvalue(), err.getvalue()
