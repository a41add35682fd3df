"""Everything that the demo starts, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.embedded.postgres import free_port
from hitl_stream.embedded.stage import Stage
from hitl_stream.errors import Fatal
from tests.harness.availability import missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    """Postgres, broker, worker, scheduler, sidecar and Eureka's consumer. Do not stop it: other tests use it too."""
    made = Stage(None, free_port(), free_port())
    try:
        made.start()
    except Fatal as error:
        made.stop()
        missing("the demo", error)
    yield made
    made.stop()


@pytest.fixture
def connection(stage: Stage) -> KafkaConnection:
    return KafkaConnection(stage.bootstrap_servers)


@pytest.fixture
def environment(stage: Stage) -> dict[str, str]:
    """What a command needs to find the demo."""
    return {
        "HITL_DATABASE_URL": stage.database_url,
        "HITL_KAFKA_BOOTSTRAP_SERVERS": stage.bootstrap_servers,
        "HITL_HTTP_PORT": stage.http_url.rpartition(":")[2],
    }
