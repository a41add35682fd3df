"""`hitl-stream dead-letters`: what could not be used, why, and what is done about it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from hitl_stream import settings
from hitl_stream.broker.publisher import Publisher
from hitl_stream.commands import option
from hitl_stream.commands.option import As, By, Output, Why
from hitl_stream.contract.record import StoredRecord
from hitl_stream.observe import text
from hitl_stream.settings import Settings
from hitl_stream.store import dead_letter as store
from hitl_stream.store.database import Database
from hitl_stream.store.dead_letter import DeadLetter, Filter

app = typer.Typer(help="Records that could not be used.", no_args_is_help=True)

ID_MAX = 2**63 - 1
Ids = Annotated[list[int], typer.Argument(help="Their ids, as in the list.", min=1, max=ID_MAX)]


class State(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class Error(StrEnum):
    """Why a record could not be used."""

    BAD_RECORD = "bad_record"
    CONFLICT = "conflict"
    DEFECT = "defect"


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only these; default: open.")] = State.OPEN,
    every: Annotated[bool, typer.Option("--all", help="Whatever became of them.")] = False,
    error: Annotated[Error | None, typer.Option(help="Only these.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only of this topic.")] = None,
    after: Annotated[int, typer.Option(help="Begin behind this id.", min=0, max=ID_MAX)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 100,
    output: As = Output.TEXT,
) -> None:
    """Print them in order of arrival, each with the place it came from and what its producer must change."""
    wanted = Filter(None if every else state, error, topic)
    letters = asyncio.run(_page(settings.load(), wanted, after, limit))
    if output is Output.JSON:
        print(json.dumps([asdict(letter) for letter in letters], default=datetime.isoformat))
        return
    for letter in letters:
        print(_line(letter))
    if not letters:
        print("none")
    elif len(letters) == limit:
        print(f"there may be more: --after {letters[-1].id}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="The id.", min=1, max=ID_MAX)],
    output: As = Output.TEXT,
) -> None:
    """Print one with its key, headers and value. In JSON, bytes are in base64; in text, hostile characters are escaped."""
    letter, record = asyncio.run(_read(settings.load(), number))
    if output is Output.JSON:
        print(json.dumps({**asdict(letter), **_bytes(record)}, default=datetime.isoformat))
        return
    print(_line(letter))
    print(f"key      {_shown(record.key)}")
    for name, content in record.headers:
        print(f"header   {text.clean(name)}: {_shown(content)}")
    print(f"value    {_shown(record.value)}")


@app.command()
def replay(ids: Ids, why: Why, by: By = None) -> None:
    """Publish the originals again, to the partition they came from, after the reason for their refusal was mended.

    Only open ones, and no conflicts: what was applied meanwhile is recognised as a duplicate.
    """
    done = asyncio.run(_replay(settings.load(), ids, option.actor(by), option.reason(why)))
    _say(ids, done, "replayed")


@app.command()
def discard(ids: Ids, why: Why, by: By = None) -> None:
    """Note that nothing will be done about them. The rows stay."""
    done = asyncio.run(_discard(settings.load(), ids, option.actor(by), option.reason(why)))
    _say(ids, done, "discarded")


def _database(chosen: Settings) -> AbstractAsyncContextManager[Database]:
    name = "hitl-stream dead-letters"
    return Database.opened(chosen.database, "hitl_operator", name=name, command_timeout_s=120.0)


async def _page(chosen: Settings, wanted: Filter, after: int, limit: int) -> Sequence[DeadLetter]:
    async with _database(chosen) as database, database.connection() as conn:
        return await store.page(conn, wanted, after, limit)


async def _read(chosen: Settings, number: int) -> tuple[DeadLetter, StoredRecord]:
    async with _database(chosen) as database, database.connection() as conn:
        return await store.read(conn, number)


async def _replay(chosen: Settings, ids: Sequence[int], actor: str, reason: str) -> list[int]:
    publisher = Publisher(chosen.kafka)

    async def publish(records: Sequence[StoredRecord]) -> None:
        await asyncio.to_thread(publisher.republish, records)

    async with _database(chosen) as database, database.transaction() as conn:
        return await store.replay(conn, ids, publish, actor, reason)


async def _discard(chosen: Settings, ids: Sequence[int], actor: str, reason: str) -> list[int]:
    async with _database(chosen) as database, database.transaction() as conn:
        return await store.discard(conn, ids, actor, reason)


def _say(asked: Sequence[int], done: Sequence[int], what: str) -> None:
    print(f"{what}: {', '.join(map(str, done)) or 'none'}")
    left = sorted(set(asked) - set(done))
    if left:
        print(f"not open: {', '.join(map(str, left))}")
        raise typer.Exit(1)


def _line(letter: DeadLetter) -> str:
    place = f"{letter.topic}/{letter.partition}@{letter.record_offset}"
    settled = f" ({letter.state} by {text.clean(letter.settled_by or '')}: {text.clean(letter.note or '')})"
    size = "tombstone" if letter.bytes is None else f"{letter.bytes} bytes"
    said = f"{letter.id:>6}  {letter.at:%Y-%m-%d %H:%M:%S}  {place:<32} {size:>10}  {letter.error}: {text.clean(letter.reason)}"
    return said + (settled if letter.state != State.OPEN else "")


def _shown(raw: bytes | None) -> str:
    return "null" if raw is None else text.clean(raw.decode("utf-8", "backslashreplace"))


def _bytes(record: StoredRecord) -> dict[str, Any]:
    def encoded(raw: bytes | None) -> str | None:
        return None if raw is None else base64.b64encode(raw).decode()

    return {
        "key": encoded(record.key),
        "value": encoded(record.value),
        "headers": [[name, encoded(content)] for name, content in record.headers],
    }
