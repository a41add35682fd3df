"""The example of a client of the gate: only a whole yes is a yes, whatever the line or the other side does."""

from __future__ import annotations

import runpy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Thread
from typing import Any

import orjson
import pytest

from tests.rules.source import ROOT

may_deploy = runpy.run_path(str(ROOT / "examples" / "gate_client.py"))["may_deploy"]

DIFF = b"--- a\n+++ b\n"
DIGEST = f"sha256:{sha256(DIFF).hexdigest()}"


def yes(**changes: Any) -> dict[str, Any]:
    return {
        "patch_id": "p/1 %",
        "patch_digest": DIGEST,
        "deployable": True,
        "reason": "approved",
        "valid_until": (datetime.now(UTC) + timedelta(seconds=60)).isoformat(),
        **changes,
    }


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


@contextmanager
def line(raw: bytes | None, asked: list[bytes] | None = None) -> Iterator[str]:
    """A server that answers one request with these bytes, or with None never."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            conn, _ = server.accept()
            with conn:
                request = conn.recv(65_536)
                if asked is not None:
                    asked.append(request)
                if raw is not None:
                    conn.sendall(raw)
                else:
                    conn.recv(1)  # until the client has had enough

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def ask(raw: bytes | None, **named: Any) -> bool:
    with line(raw) as url:
        return bool(may_deploy(url, "t", "p/1 %", DIFF, **named))


def test_a_whole_yes_is_a_yes_and_asked_with_the_token() -> None:
    asked: list[bytes] = []
    with line(answer(orjson.dumps(yes())), asked) as url:
        assert may_deploy(url, "secret", "p/1 %", DIFF) is True
    head = asked[0].decode()
    assert head.startswith(f"GET /hitl/patches/p%2F1%20%25/gate?digest={DIGEST} ")
    assert "Authorization: Bearer secret" in head


@pytest.mark.parametrize(
    "changes",
    [
        {"deployable": False},
        {"deployable": "true"},
        {"deployable": 1},
        {"patch_id": "p-2"},
        {"patch_digest": "sha256:" + "0" * 64},
        {"patch_digest": None},
        {"valid_until": None},
        {"valid_until": "soon"},
        {"valid_until": "2020-01-01T00:00:00Z"},
        {"valid_until": "2999-01-01T00:00:00"},
    ],
)
def test_what_is_not_a_whole_yes_is_a_no(changes: dict[str, Any]) -> None:
    assert ask(answer(orjson.dumps(yes(**changes)))) is False


@pytest.mark.parametrize(
    "status", ["401 No", "403 No", "404 No", "429 Slow", "500 Oh", "503 Away", "202 Later", "302 There"]
)
def test_any_other_status_is_a_no_whatever_the_body_says(status: str) -> None:
    assert ask(answer(orjson.dumps(yes()), status)) is False


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        answer(b""),
        answer(b"yes"),
        answer(b"true"),
        answer(b"[]"),
        answer(b"null"),
        answer(b"\xff\xfe"),
        answer(b"[" * 100_000),
        answer(orjson.dumps(yes())[:-20]),
        answer(orjson.dumps(yes()), length=10_000),
    ],
)
def test_what_cannot_be_read_is_a_no(raw: bytes) -> None:
    assert ask(raw) is False


def test_silence_is_a_no() -> None:
    assert ask(None, timeout_s=0.2) is False


def test_nobody_there_is_a_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert may_deploy(f"http://127.0.0.1:{port}", "t", "p-1", DIFF) is False
