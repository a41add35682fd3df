"""Quix Streams: a BatchingSink writes at every checkpoint, with psycopg2's `execute_values` as Quix's own Postgres sink does.

Runs in an environment of its own, because Quix needs other versions of pydantic and confluent-kafka than everybody else.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from psycopg2.extras import execute_values, register_uuid
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch

from benchmarks.pipeline.peer import job, place, table

CHECKPOINT_RECORDS = 1_000
CHECKPOINT_S = 0.5
PAGE_ROWS = 1_000


class Sink(BatchingSink):
    """One transaction and its messages per partition and checkpoint; the checkpoint commits the offsets afterwards."""

    def __init__(self, where: place.Place, app: Application) -> None:
        super().__init__()
        self._where = where
        self._producer = app.get_producer()
        self._conn: Any = None

    def setup(self) -> None:
        """Connect."""
        register_uuid()
        self._conn = psycopg2.connect(self._where.database_url)

    def write(self, batch: SinkBatch) -> None:
        """Record, then publish."""
        now = job.now()
        done = [
            job.handle(dict(item.headers), item.value, job.Origin(batch.topic, batch.partition, item.offset), now)
            for item in batch
        ]
        with self._conn, self._conn.cursor() as cursor:
            for name, rows in job.rows(done).items():
                columns = ", ".join(table.COLUMNS[name])
                statement = f"INSERT INTO {name} ({columns}) VALUES %s ON CONFLICT DO NOTHING"
                execute_values(cursor, statement, rows, page_size=PAGE_ROWS)
        for one in done:
            for made in one.messages:
                self._producer.produce(self._where.topics[made.topic], made.value, made.key)
        self._producer.flush()


def main(where: place.Place) -> None:
    """Consume until ended."""
    app = Application(
        broker_address=where.bootstrap,
        consumer_group=where.group,
        auto_offset_reset="earliest",
        commit_every=CHECKPOINT_RECORDS,
        commit_interval=CHECKPOINT_S,
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 5, "batch.size": 256 * 1024},
        auto_create_topics=False,
        loglevel="ERROR",
    )
    results = app.topic(where.topics["wargaming_results"], value_deserializer="bytes")
    app.dataframe(results).sink(Sink(where, app))
    app.run()


if __name__ == "__main__":
    main(place.read())
