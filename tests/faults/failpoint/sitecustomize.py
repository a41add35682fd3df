"""Python loads this before everything else where its folder is on PYTHONPATH: the process dies exactly where it is told to.

`HITL_FAILPOINT` says where: `before take_outbox`, `after COMMIT of record_batch`, `after publish`. Points are the statements of
store/sql by name, COPY by table, what begins and ends a transaction, and sending a batch to Kafka. `HITL_FAILPOINTS_SEEN` names
a file that gets every point when it is reached first.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

WANTED = os.environ.get("HITL_FAILPOINT")
SEEN = os.environ.get("HITL_FAILPOINTS_SEEN")
CONTROL = ("COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

_seen: set[str] = set()
_last: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def reach(side: str, point: str) -> None:
    """Die here, if this is the place."""
    here = f"{side} {point}"
    if here == WANTED:
        os.kill(os.getpid(), signal.SIGKILL)
    if SEEN and here not in _seen:
        _seen.add(here)
        with Path(SEEN).open("a", encoding="utf-8") as lines:
            lines.write(here + "\n")


@functools.cache
def names() -> dict[str, str]:
    """The statements of the product by their text."""
    from hitl_stream.store import statement

    return {one.text: one.name for one in statement.load().values()}


def name_of(connection: Any, query: str) -> str | None:
    """What a query is called, None where it is nothing of ours."""
    found = names().get(query.removeprefix("BEGIN; "))
    if found is not None:
        _last[connection] = found
        return found
    word = query.split(" ", 1)[0].rstrip(";")
    if word == "BEGIN":
        return "BEGIN"
    return f"{word} of {_last.get(connection, 'nothing')}" if word in CONTROL else None


def watch(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A method of a connection whose first argument is the query."""

    @functools.wraps(run)
    async def watched(self: Any, query: str, *arguments: Any, **named: Any) -> Any:
        point = name_of(self, query)
        if point is None:
            return await run(self, query, *arguments, **named)
        reach("before", point)
        answer = await run(self, query, *arguments, **named)
        reach("after", point)
        return answer

    return watched


def watch_sending(send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Before it is handed over, when it is, and when it is acknowledged."""

    @functools.wraps(send)
    async def watched(*arguments: Any, **named: Any) -> Any:
        reach("before", "publish")
        acknowledged = await send(*arguments, **named)
        reach("after", "publish")

        async def wait() -> Any:
            answer = await acknowledged
            reach("after", "acknowledgement")
            return answer

        return wait()

    return watched


def install() -> None:
    """Watch the driver of Postgres and the producer of Kafka."""
    import asyncpg
    from aiokafka import AIOKafkaProducer

    for name in ("_execute", "_executemany"):
        setattr(asyncpg.Connection, name, watch(getattr(asyncpg.Connection, name)))
    setattr(asyncpg.Connection, "execute", watch_simple(asyncpg.Connection.execute))  # noqa: B010 - it is another's class
    setattr(asyncpg.Connection, "copy_records_to_table", watch_copy(asyncpg.Connection.copy_records_to_table))  # noqa: B010 - as above
    AIOKafkaProducer.send_batch = watch_sending(AIOKafkaProducer.send_batch)


def watch_copy(copy: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Rows that go to a table as they are."""

    @functools.wraps(copy)
    async def watched(self: Any, table: str, **named: Any) -> Any:
        reach("before", f"COPY to {table}")
        answer = await copy(self, table, **named)
        reach("after", f"COPY to {table}")
        return answer

    return watched


def watch_simple(execute: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """`execute` without arguments sends the text itself; with arguments it goes on to what is watched already."""
    watched = watch(execute)

    @functools.wraps(execute)
    async def chosen(self: Any, query: str, *arguments: Any, **named: Any) -> Any:
        return await (execute if arguments else watched)(self, query, *arguments, **named)

    return chosen


if WANTED or SEEN:
    install()
