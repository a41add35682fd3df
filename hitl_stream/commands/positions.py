"""`hitl-stream positions`: how far the topics are recorded, and going on after one was recreated or cut."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Annotated

import typer

from hitl_stream import settings
from hitl_stream.broker import admin
from hitl_stream.commands import option
from hitl_stream.commands.option import As, By, Output, Why
from hitl_stream.contract import topics as contract
from hitl_stream.errors import Refused, Unavailable
from hitl_stream.settings import Settings
from hitl_stream.store import adoption
from hitl_stream.store.adoption import Move, Position
from hitl_stream.store.database import Database

app = typer.Typer(help="How far each partition is recorded.", no_args_is_help=True)

Ends = dict[str, dict[int, tuple[int, int]]]


class NotAdopted(Refused):
    """The topic cannot be adopted."""


@app.command()
def show(output: As = Output.TEXT) -> None:
    """Print every position, with how much is still to be recorded where the broker answers."""
    chosen = settings.load()
    positions = asyncio.run(_read(chosen))
    cluster, ends = _ends(chosen, sorted({position.topic for position in positions}))
    lines = [_line(position, ends if position.cluster_id == cluster else {}) for position in positions]
    if output is Output.JSON:
        print(json.dumps(lines, default=str))
        return
    for line in lines:
        lag = "?" if line["lag"] is None else line["lag"]
        where = f"{line['topic']}/{line['partition']}"
        print(
            f"{where:<28} {line['next_offset']:>12} lag {lag:>8} epoch {line['epoch']:>4} {line['owner'] or 'nobody'}"
        )
    if not lines:
        print("nothing is recorded yet")


@app.command()
def adopt(
    topic: Annotated[str, typer.Argument(help="The topic, by its physical or logical name.")],
    why: Why,
    start: Annotated[
        str, typer.Option(help="earliest, latest, or an offset: where to go on, in every partition.")
    ] = "earliest",
    by: By = None,
) -> None:
    """Go on with a topic that was recreated or cut, from a chosen place. The workers take it up when they start again.

    From the earliest nothing is recorded twice: what was seen before is a duplicate. Anything else skips records.
    """
    reason, chosen = option.reason(why), settings.load()
    for move in asyncio.run(_adopt(chosen, _physical(chosen, topic), start, option.actor(by), reason)):
        before = "new" if move.before is None else move.before
        print(f"partition {move.partition}: {before} -> {move.after}")


async def _read(chosen: Settings) -> list[Position]:
    async with _database(chosen) as database, database.connection() as conn:
        return list(await adoption.show(conn))


async def _adopt(chosen: Settings, topic: str, start: str, actor: str, reason: str) -> list[Move]:
    cluster = await asyncio.to_thread(admin.cluster_id, chosen.kafka)
    ids = await asyncio.to_thread(admin.topic_ids, chosen.kafka, [topic])
    ends = (await asyncio.to_thread(admin.watermarks, chosen.kafka, [topic])).get(topic)
    if not ends or topic not in ids:
        raise NotAdopted(f"the broker has no topic {topic}")
    starts = {partition: _start(start, partition, *ends[partition]) for partition in ends}
    async with _database(chosen) as database, database.transaction() as conn:
        return await adoption.adopt(conn, cluster, topic, starts, ids[topic], actor, reason)


def _database(chosen: Settings) -> AbstractAsyncContextManager[Database]:
    return Database.opened(chosen.database, "hitl_operator", name="hitl-stream positions")


def _start(start: str, partition: int, earliest: int, end: int) -> int:
    if start in ("earliest", "latest"):
        return earliest if start == "earliest" else end
    if not start.isdecimal():
        raise typer.BadParameter("earliest, latest, or an offset", param_hint="--start")
    if not earliest <= int(start) <= end:
        raise NotAdopted(f"partition {partition} holds {earliest} to {end}, not {start}")
    return int(start)


def _line(position: Position, ends: Ends) -> dict[str, object]:
    end = ends.get(position.topic, {}).get(position.partition)
    return {
        **asdict(position),
        "end_offset": end[1] if end else None,
        "lag": end[1] - position.next_offset if end else None,
    }


def _ends(chosen: Settings, topics: list[str]) -> tuple[str | None, Ends]:
    """What the broker has, nothing when it is not set or away: the positions are worth reading without it."""
    if chosen.kafka_bootstrap_servers is None or not topics:
        return None, {}
    try:
        return admin.cluster_id(chosen.kafka), admin.watermarks(chosen.kafka, topics)
    except Unavailable:
        return None, {}


def _physical(chosen: Settings, topic: str) -> str:
    declared = contract.load(chosen.topics_file, chosen.environment)
    return next((known.name for known in declared if topic == known.logical), topic)
