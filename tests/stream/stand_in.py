"""A worker process whose recorder only notes what it was given: the stream layer alone, without the life of a patch.

Run as a program: `python -m tests.stream.stand_in`; what it needs stands in the environment, as for the real worker.
It notes every record in table `noted` in the transaction that moves the position, and one message per record in the outbox.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from asyncpg import Connection

from hitl_stream import settings
from hitl_stream.contract import topics
from hitl_stream.contract.record import Message, UnreadableRecord
from hitl_stream.errors import PositionLost
from hitl_stream.observe import log
from hitl_stream.store import outbox, statement
from hitl_stream.store.batch import Recorded, Span
from hitl_stream.store.database import Database
from hitl_stream.stream import worker

TABLE = """
CREATE TABLE noted (nth bigint GENERATED ALWAYS AS IDENTITY, topic text, partition int, record_offset bigint,
                    record_key bytea, value_size int, headers text, reason text, process int);
GRANT ALL ON noted TO hitl_worker;
"""


@dataclass(slots=True)
class StandIn:
    """Has the interface of the recorder. A record twice in `noted` was recorded twice.

    `hang` is what to do instead: wait for ever for nothing, or hold up the whole loop.
    """

    database: Database
    cluster_id: str
    hang: str | None = None

    async def record_results(self, spans: Sequence[Span]) -> Recorded:
        """Note the records and move the positions, in one transaction."""
        if self.hang == "task":
            await asyncio.Event().wait()
        if self.hang == "loop":
            threading.Event().wait()
        async with self.database.transaction() as conn:
            recorded = await self._move(conn, spans)
            for span in spans:
                await self._note(conn, span)
        recorded.fates["filed"] = sum(len(span.records) for span in spans)
        return recorded

    record_outcomes = record_results

    async def _move(self, conn: Connection, spans: Sequence[Span]) -> Recorded:
        rows = await conn.fetch(
            statement.get("move_positions"),
            self.cluster_id,
            [span.topic for span in spans],
            [span.partition for span in spans],
            [span.first_offset for span in spans],
            [span.next_offset for span in spans],
            [span.epoch for span in spans],
        )
        if len(rows) != len(spans):
            raise PositionLost("the stand-in's positions were moved")
        return Recorded(max(row["now"] for row in rows), rows[0]["active_version"])

    async def _note(self, conn: Connection, span: Span) -> None:
        await conn.copy_records_to_table(
            "noted",
            records=[
                (
                    r.topic,
                    r.partition,
                    r.offset,
                    r.key,
                    None if r.value is None else len(r.value),
                    repr(list(r.headers)),
                    getattr(r, "reason", None),
                    os.getpid(),
                )
                for r in span.records
            ],
            columns=["topic", "partition", "record_offset", "record_key", "value_size", "headers", "reason", "process"],
        )
        messages = [
            Message("decisions", r.key, f"{r.topic}/{r.partition}/{r.offset}".encode())
            for r in span.records
            if not isinstance(r, UnreadableRecord)
        ]
        for packed in outbox.pack(messages):
            await conn.execute("INSERT INTO outbox (shard, messages) VALUES ($1, $2)", span.partition, packed)


def main() -> int:
    """Run one worker with the stand-in."""
    chosen = settings.load()
    log.configure("console", "worker")
    told = os.environ
    part = worker.Part(
        chosen.metrics_port,
        told.get("STAND_IN_INSTANCE"),
        float(told.get("STAND_IN_GRACE_S", "20")),
        float(told.get("STAND_IN_STUCK_S", "60")),
    )
    recorder = partial(StandIn, hang=told.get("STAND_IN_HANG"))
    return worker.main(chosen, topics.load(chosen.topics_file), part, recorder)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
