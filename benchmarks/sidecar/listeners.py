"""Many clients of WS /hitl/live in a process of their own: `python -m benchmarks.sidecar.listeners URL COUNT SILENT`.

Reads tokens, one a line, from standard input. Says `ready` when all listen, and on SIGTERM prints as JSON when each change was
heard by each client: {patch_id: [seconds since the epoch, …]}, and how many were told only that the queue changed, or let go.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter, defaultdict

import aiohttp
import orjson

JOINING = 20  # at once


class Heard:
    """What all clients heard."""

    def __init__(self) -> None:
        self.at: defaultdict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()


async def main(url: str, count: int, silent: int, tokens: list[str]) -> None:
    """Listen until SIGTERM; the first `silent` clients read nothing at all."""
    heard, joined, end = Heard(), asyncio.Semaphore(JOINING), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    ready = [asyncio.Event() for _ in range(count)]
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [
            asyncio.create_task(_listen(session, tokens[n % len(tokens)], heard, joined, ready[n], silent=n < silent))
            for n in range(count)
        ]
        everybody = asyncio.create_task(_all(ready))
        done, _ = await asyncio.wait([everybody, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if everybody not in done:
            done.pop().result()
            raise RuntimeError("a client was let go before all had joined")
        print("ready", flush=True)
        await end.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    sys.stdout.buffer.write(orjson.dumps({"at": heard.at, "counts": heard.counts}) + b"\n")


async def _all(ready: list[asyncio.Event]) -> None:
    for event in ready:
        await event.wait()


async def _listen(
    session: aiohttp.ClientSession,
    token: str,
    heard: Heard,
    joined: asyncio.Semaphore,
    ready: asyncio.Event,
    *,
    silent: bool,
) -> None:
    async with joined:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post("/hitl/live/ticket", headers=headers) as answer:
            answer.raise_for_status()
            ticket = (await answer.json())["ticket"]
        socket = await session.ws_connect(f"/hitl/live?ticket={ticket}", compress=0)
        await socket.receive()
    ready.set()
    if silent:
        await asyncio.Event().wait()
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            break
        told = orjson.loads(message.data)
        heard.counts[told["type"]] += 1
        if told["type"] == "claim_changed":
            heard.at[told["patch_id"]].append(time.time())
    heard.counts["let_go"] += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.read().split()))
