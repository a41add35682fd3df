"""A rig for each test: on the servers that all tests share, or on servers that may be taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_stream.errors import Fatal
from tests.harness import database as databases
from tests.harness.availability import missing
from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer
from tests.stream import rig as rigs
from tests.stream.outage import Dependencies
from tests.stream.rig import Rig


@pytest.fixture
def rig(kafka: str, database: str, tmp_path: Path) -> Iterator[Rig]:
    """Topics and database of its own on the shared servers, ready for workers."""
    with rigs.standing(kafka, database, tmp_path) as made:
        made.prepare()
        yield made


@pytest.fixture(scope="package")
def servers() -> Iterator[Dependencies]:
    """A Postgres and a Kafka that only the tests of this folder use."""
    postgres, kafka = PostgresServer(durable=True), KafkaServer()
    try:
        postgres.start()
        kafka.start()
    except Fatal as error:
        kafka.close()
        postgres.stop()
        missing("Postgres and Kafka of their own", error)
    yield Dependencies(postgres, kafka)
    kafka.close()
    postgres.stop()


@pytest.fixture
def own(servers: Dependencies, tmp_path: Path) -> Iterator[Rig]:
    """A rig on servers that may be taken away; they are back when the test ends."""
    with databases.migrated(servers.postgres) as url:
        try:
            with rigs.standing(servers.kafka.bootstrap_servers, url, tmp_path) as made:
                made.prepare()
                yield made
        finally:
            servers.restore()
