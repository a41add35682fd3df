"""Many clients of WS /hitl/live in a process of their own: `python -m benchmarks.sidecar.listeners URL COUNT SILENT`.

Reads tokens, one a line, from standard input. Says `ready` when all listen, and on SIGTERM prints as JSON when each change was
heard by each client: {patch_id: [seconds since the epoch, …]}, and how many were told only that the queue changed, or let go.
Frames are taken apart here and not by a library: what is measured is the sidecar, and not what a thousand clients cost.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from base64 import b64encode
from collections import Counter, defaultdict
from secrets import token_bytes
from urllib.parse import urlsplit

import aiohttp
import orjson

JOINING = 20  # at once
_TOLD = re.compile(rb'\{"type":"(\w+)".*?(?:"patch_id":"([^"]*)".*?)?\}')
_HEAD_END = b"\r\n\r\n"


class Heard:
    """What all clients heard."""

    def __init__(self) -> None:
        self.at: defaultdict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()


class Listener(asyncio.Protocol):
    """One client: a handshake, and then frames of text, which a server does not mask (RFC 6455)."""

    def __init__(self, request: bytes, heard: Heard) -> None:
        self._request = request
        self._heard = heard
        self._raw = b""
        self._begun = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to listen."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what is told."""
        now, self._raw = time.time(), self._raw + data
        if not self._begun:
            if _HEAD_END not in self._raw:
                return
            head, _, self._raw = self._raw.partition(_HEAD_END)
            if not head.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(RuntimeError(head.decode()))
                return
            self._begun = True
        while (frame := self._frame()) is not None:
            if not self.ready.done():
                self.ready.set_result(None)
            told = _TOLD.match(frame)
            kind = told[1].decode() if told else "other"
            self._heard.counts[kind] += 1
            if told and kind == "claim_changed":
                self._heard.at[told[2].decode()].append(now)

    def connection_lost(self, error: Exception | None) -> None:
        """It was let go."""
        self._heard.counts["let_go"] += 1

    def _frame(self) -> bytes | None:
        """The next whole frame."""
        raw = self._raw
        if len(raw) < 2:
            return None
        begins, length = (2, raw[1] & 127) if raw[1] & 127 < 126 else (4, int.from_bytes(raw[2:4]))
        if len(raw) < begins + length:
            return None
        self._raw = raw[begins + length :]
        return raw[begins : begins + length]


async def main(url: str, count: int, silent: int, tokens: list[str]) -> None:
    """Listen until SIGTERM; the first `silent` clients read nothing at all."""
    heard, joined, end = Heard(), asyncio.Semaphore(JOINING), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    async with aiohttp.ClientSession(url) as session, asyncio.TaskGroup() as group:
        joining = [group.create_task(_join(session, url, tokens[n % len(tokens)], heard, joined)) for n in range(count)]
    transports = [task.result() for task in joining]
    for transport in transports[:silent]:
        transport.pause_reading()
    heard.counts.clear()
    print("ready", flush=True)
    await end.wait()
    let_go = heard.counts["let_go"]
    for transport in transports:
        transport.abort()
    sys.stdout.buffer.write(orjson.dumps({"at": heard.at, "counts": {**heard.counts, "let_go": let_go}}) + b"\n")


async def _join(
    session: aiohttp.ClientSession, url: str, token: str, heard: Heard, joined: asyncio.Semaphore
) -> asyncio.Transport:
    async with joined:
        async with session.post("/hitl/live/ticket", headers={"Authorization": f"Bearer {token}"}) as answer:
            answer.raise_for_status()
            ticket = (await answer.json())["ticket"]
        where = urlsplit(url)
        request = (
            f"GET /hitl/live?ticket={ticket} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(token_bytes(16)).decode()}\r\n\r\n"
        )
        transport, listener = await asyncio.get_running_loop().create_connection(
            lambda: Listener(request.encode(), heard), where.hostname or "", where.port or 80
        )
        await listener.ready
    return transport


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.read().split()))
