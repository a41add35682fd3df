"""Kafka and Postgres for all runs, with fsync on, and for each run topics and a database of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import yaml
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from hitl_stream.broker import admin, topology
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract import topics as contract
from hitl_stream.contract.topics import Topics
from tests.harness import database
from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer

# Durable as in production; checkpoints start when a run starts and not somewhere in the middle of one.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}
PARTITIONS = 4
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one run takes place."""

    connection: KafkaConnection
    database_url: str
    folder: Path
    topics: Topics
    topics_file: Path
    group: str
    postgres_pid: int
    broker_pid: int

    @property
    def names(self) -> dict[str, str]:
        """Physical names of the topics by logical ones."""
        return {topic.logical: topic.name for topic in self.topics}

    def client(self, **more: Any) -> dict[str, Any]:
        """The configuration of a client of the benchmark's own."""
        return {"bootstrap.servers": self.connection.bootstrap_servers, "log_level": 2, **more}

    @property
    def results(self) -> str:
        """The topic that everybody consumes."""
        return self.topics.physical("wargaming_results")

    def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Ask the run's database."""
        rows: list[Any] = asyncio.run(_fetch(self.database_url, query, *arguments))
        return rows

    def checkpoint(self) -> None:
        """Every run starts from one, so that none pays for the pages of another."""
        self.fetch("CHECKPOINT")


class World:
    """Everything that runs as long as the benchmark does."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            self.postgres = stack.enter_context(PostgresServer(durable=True, options=POSTGRES))
            self.kafka = stack.enter_context(KafkaServer(heap="1g"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def stage(self, *, retention_bytes: int | None = None) -> Iterator[Stage]:
        """Topics, a migrated database and a folder, all gone afterwards; each topic keeps so many bytes, or what is usual."""
        number = next(_numbers)
        folder = Path(tempfile.mkdtemp(prefix="hitl-benchmark-"))
        try:
            with database.migrated(self.postgres) as url:
                topics_file = _topics_file(folder, number)
                stage = Stage(
                    KafkaConnection(self.kafka.bootstrap_servers),
                    url,
                    folder,
                    contract.load(topics_file),
                    topics_file,
                    f"benchmark-{os.getpid()}-{number}",
                    self.postgres.pid,
                    self.kafka.pid,
                )
                _create_topics(stage)
                if retention_bytes is not None:
                    _retain(stage, retention_bytes)
                try:
                    yield stage
                finally:
                    _delete_topics(stage)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _topics_file(folder: Path, number: int) -> Path:
    document = yaml.safe_load(contract.default_path().read_text())
    for topic in document["topics"].values():
        topic["name"] += f".{number}"
    path = folder / "topics.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _create_topics(stage: Stage) -> None:
    changes = topology.plan(stage.topics, admin.describe(stage.connection, [t.name for t in stage.topics])).changes
    changes = tuple(
        topology.Create(replace(change.topic, partitions=PARTITIONS)) if isinstance(change, topology.Create) else change
        for change in changes
    )
    refused = admin.carry_out(stage.connection, changes)
    if refused:
        raise RuntimeError(f"topics cannot be made: {refused}")


def _retain(stage: Stage, size: int) -> None:
    """Delete the oldest of each topic once it has so many bytes."""
    limits = {
        "cleanup.policy": "delete", "retention.bytes": size // PARTITIONS, "segment.bytes": min(size // PARTITIONS // 4, 2**28),
    }  # fmt: skip
    changes = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
                for name, value in limits.items()
            ],
        )
        for topic in stage.topics
    ]
    client = AdminClient(stage.client())  # held: what it was asked ends with it
    for answer in client.incremental_alter_configs(changes).values():
        answer.result()


def _delete_topics(stage: Stage) -> None:
    client = AdminClient(stage.client())
    for answer in client.delete_topics([topic.name for topic in stage.topics]).values():
        answer.result()


async def _fetch(url: str, query: str, *arguments: object) -> list[Any]:
    conn = await asyncpg.connect(url, command_timeout=300)
    try:
        return list(await conn.fetch(query, *arguments))
    finally:
        await conn.close()
