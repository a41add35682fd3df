"""The fixtures that tests share. A server starts when the first test asks for it, and ends with the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_stream.contract import topics
from hitl_stream.embedded.kafka import Kafka
from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Fatal
from tests.harness import database as databases
from tests.harness.availability import missing
from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real Postgres 15. Do not stop it: other tests use it too."""
    try:
        server = PostgresServer(options={"track_commit_timestamp": "on"}).start()
    except Fatal as error:
        missing("PostgreSQL 15", error)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[Postgres]:
    """The Postgres that `hitl-stream demo` brings."""
    try:
        server = Postgres().start()
    except Fatal as error:
        missing("the embedded Postgres", error)
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["postgres", "embedded_postgres"])
def any_postgres(request: pytest.FixtureRequest) -> Postgres:
    """Both servers, one after the other: a test that uses this runs on each."""
    server: Postgres = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a fresh migrated database on Postgres 15."""
    with databases.migrated(postgres) as url:
        yield url


@pytest.fixture
def any_database(any_postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh migrated database, on each of both servers."""
    with databases.migrated(any_postgres) as url:
        yield url


@pytest.fixture
def empty_database(any_postgres: Postgres) -> Iterator[str]:
    """The URL of a database without any schema, on each of both servers."""
    with databases.fresh(any_postgres) as url:
        yield url


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap servers of a real Apache Kafka without topics of ours. Do not stop it: other tests use it too."""
    server = KafkaServer()
    try:
        server.start()
    except Fatal as error:
        server.close()
        missing("Apache Kafka", error)
    yield server.bootstrap_servers
    server.close()


@pytest.fixture
def mock_kafka() -> Iterator[str]:
    """The bootstrap servers of a fresh embedded broker with the topics of topics.yaml."""
    with Kafka(topics.load()) as broker:
        yield broker.bootstrap_servers
