"""What a test of the stream layer stands on: topics of its own, a database of its own, worker processes to start and kill."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import yaml
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from hitl_stream.broker import admin, topology
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract import topics as contract
from hitl_stream.contract.topics import Topics
from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import HitlError
from tests.harness import database as databases
from tests.harness import probe, wait
from tests.stream.stand_in import TABLE

_numbers = itertools.count(1)
DEADLINE_S = 60.0
QUEUED_MAX = 1_000_000  # a producer on a busy machine is quicker than its broker


@dataclass(slots=True)
class Rig:
    """One test's world. `program` is what a worker process runs."""

    bootstrap: str
    database_url: str
    folder: Path
    topics: Topics = field(init=False)
    group: str = field(init=False)
    workers: list[Worker] = field(default_factory=list)
    program: Sequence[str] = ("-m", "tests.stream.stand_in")

    def __post_init__(self) -> None:
        number = next(_numbers)
        self.group = f"stream-{os.getpid()}-{number}"
        document = yaml.safe_load(contract.default_path().read_text())
        for topic in document["topics"].values():
            topic["name"] += f".{number}"
        self.topics_file.write_text(yaml.safe_dump(document))
        self.topics = contract.load(self.topics_file)

    @property
    def topics_file(self) -> Path:
        """The topics of this test."""
        return self.folder / "topics.yaml"

    @property
    def connection(self) -> KafkaConnection:
        """How to reach the broker."""
        return KafkaConnection(self.bootstrap)

    @property
    def results(self) -> str:
        """The physical name of the results' topic."""
        return self.topics.physical("wargaming_results")

    def create_topics(self, *, partitions: int | None = None) -> None:
        """Make all topics; the results with another number of partitions if asked."""
        changes = topology.plan(self.topics, admin.describe(self.connection, [t.name for t in self.topics])).changes
        if partitions is not None:
            changes = tuple(
                topology.Create(_with_partitions(change.topic, partitions))
                if isinstance(change, topology.Create) and change.topic.name == self.results
                else change
                for change in changes
            )
        assert admin.carry_out(self.connection, changes) == []

    def delete_topic(self, name: str) -> None:
        """Delete one, and return when it is gone."""
        client = AdminClient({"bootstrap.servers": self.bootstrap})
        client.delete_topics([name])[name].result()
        wait.until(lambda: name not in admin.partition_counts(self.connection, [name]))

    def prepare(self) -> None:
        """Topics, and the table that the stand-in notes records in."""
        self.create_topics()
        self.execute(TABLE)

    def produce(self, count: int, *, start: int = 0, partition: int | None = None, topic: str | None = None) -> None:
        """Records `start` … with the value `record-N`, keys spread over 97 of them."""
        at_most = {"linger.ms": 5, "queue.buffering.max.messages": QUEUED_MAX}
        producer = Producer({"bootstrap.servers": self.bootstrap, **at_most})
        where: dict[str, Any] = {} if partition is None else {"partition": partition}
        for number in range(start, start + count):
            producer.produce(topic or self.results, f"record-{number}".encode(), f"key-{number % 97}".encode(), **where)
            producer.poll(0)
        assert producer.flush(30) == 0

    def start(self, **environment: str) -> Worker:
        """Start a worker process."""
        worker = Worker(self, {**self.environment(), **environment}, len(self.workers))
        self.workers.append(worker)
        return worker

    def environment(self) -> dict[str, str]:
        """What a worker process is told."""
        return {
            **os.environ,
            "HITL_DATABASE_URL": self.database_url,
            "HITL_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "HITL_CONSUMER_GROUP": self.group,
            "HITL_TOPICS_FILE": str(self.topics_file),
            "HITL_METRICS_PORT": str(free_port()),
            "HITL_LOG_FORMAT": "console",
        }

    def execute(self, statement: str) -> None:
        """Run SQL as the owner."""
        databases.run(self._run(statement, fetch=False))

    def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Ask as the owner."""
        rows: list[Any] = databases.run(self._run(query, *arguments, fetch=True))
        return rows

    async def _run(self, query: str, *arguments: object, fetch: bool) -> Any:
        conn = await asyncpg.connect(self.database_url, command_timeout=30)
        try:
            return await (conn.fetch(query, *arguments) if fetch else conn.execute(query))
        finally:
            await conn.close()

    def noted(self) -> int:
        """How many records were recorded."""
        return int(self.fetch("SELECT count(*) FROM noted")[0][0])

    def positions(self, topic: str | None = None) -> dict[int, int]:
        """The recorded positions."""
        rows = self.fetch(
            "SELECT partition, next_offset FROM consumer_position WHERE topic = $1", topic or self.results
        )
        return {row["partition"]: row["next_offset"] for row in rows}

    def ends(self, topic: str | None = None) -> dict[int, int]:
        """Where the broker's partitions end."""
        found = admin.watermarks(self.connection, [topic or self.results])[topic or self.results]
        return {partition: high for partition, (_, high) in found.items()}

    def wait_recorded(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait until positions are at the ends and the outbox is empty."""
        wait.until(self._at_the_end, deadline_s)
        wait.until(lambda: not self.fetch("SELECT 1 FROM outbox LIMIT 1"), deadline_s)

    def _at_the_end(self) -> bool:
        try:
            return self.positions() == self.ends()
        except HitlError:
            return False  # the broker cannot say, as for a moment after its restart

    def assert_recorded_once(self, count: int) -> None:
        """Every record exactly once, in order per partition."""
        assert self.noted() == count
        assert self.fetch("SELECT 1 FROM noted GROUP BY topic, partition, record_offset HAVING count(*) > 1") == []
        disorder = """
            SELECT 1 FROM (SELECT record_offset < lag(record_offset) OVER (PARTITION BY topic, partition ORDER BY nth) AS bad
                             FROM noted) AS x WHERE bad
        """
        assert self.fetch(disorder) == []

    def published(self, logical: str = "decisions") -> list[tuple[int, bytes | None, bytes | None]]:
        """All messages of a topic: partition, key, value."""
        return [(message.partition() or 0, message.key(), message.value()) for message in self.messages(logical)]

    def messages(self, logical: str) -> list[Message]:
        """The same as the client has them."""
        topic = self.topics.physical(logical)
        ends = admin.watermarks(self.connection, [topic])[topic]
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "x", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, low) for partition, (low, _) in ends.items()])
        wanted = sum(high - low for low, high in ends.values())
        found: list[Message] = []
        while len(found) < wanted:  # no more than there are: it would wait for them
            found += consumer.consume(wanted - len(found), 5.0)
        consumer.close()
        assert [message.error() for message in found] == [None] * wanted
        return found


class Worker:
    """One worker process."""

    def __init__(self, rig: Rig, environment: Mapping[str, str], number: int) -> None:
        self.log = rig.folder / f"worker.{number}.log"
        self.port = int(environment["HITL_METRICS_PORT"])
        self._child = Child(
            [sys.executable, *rig.program], log=self.log, env=environment, cwd=Path.cwd(), stop_signal=signal.SIGTERM
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.alive

    @property
    def code(self) -> int | None:
        """How it ended."""
        return self._child._process.poll()

    def text(self) -> str:
        """What it logged."""
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Ask its health port; 0 when it does not listen."""
        return probe.get(self.port, path)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        lines = self.get("/metrics")[1].splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith((f"{name} ", f"{name}{{")) and all(label in line for label in wanted)
        )

    def missing(self) -> list[str]:
        """What `/readyz` says is missing; the status must fit."""
        status, text = self.get("/readyz")
        answer = json.loads(text)
        assert status == (503 if answer["missing"] else 200)
        assert answer["ready"] is (not answer["missing"])
        return list(answer["missing"])

    def cpu_share(self, seconds: float) -> float:
        """Which part of a core it uses during this time."""
        process = psutil.Process(self.pid)
        started, before = time.monotonic(), process.cpu_times()
        wait.until(lambda: time.monotonic() - started >= seconds, seconds + 5)
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) / (time.monotonic() - started)

    def wait_ready(self) -> Worker:
        """Wait until it says so."""
        wait.until(lambda: self.get("/readyz")[0] == 200 or not self.alive, DEADLINE_S)
        assert self.alive, self.text()
        return self

    def wait_ended(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait until the process is gone; its exit code."""
        wait.until(lambda: not self.alive, deadline_s)
        code = self.code
        assert code is not None
        return code

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        os.kill(self.pid, signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        self._child.kill()


@contextmanager
def standing(bootstrap: str, database_url: str, folder: Path) -> Iterator[Rig]:
    """A rig whose processes are gone afterwards."""
    rig = Rig(bootstrap, database_url, folder)
    try:
        yield rig
    finally:
        for worker in rig.workers:
            worker.kill()


def _with_partitions(topic: contract.Topic, partitions: int) -> contract.Topic:
    from dataclasses import replace

    return replace(topic, partitions=partitions)
