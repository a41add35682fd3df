"""The campaign's own servers, prepared as an operator would: topics and schema by the product's commands, a login each."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.faults.judge import snapshot
from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer

COMMAND = str(Path(sys.executable).with_name("hitl-stream"))
# Transactions that a killed broker left open end soon: until then nobody can read past them.
BROKER = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}
LOGINS = {"worker_1": "hitl_worker", "worker_2": "hitl_worker", "scheduler": "hitl_scheduler"}


@dataclass(frozen=True)
class Stage:
    """Both servers, running and prepared; `urls` says how each login connects."""

    kafka: KafkaServer
    postgres: PostgresServer
    urls: Mapping[str, str]

    @property
    def url(self) -> str:
        """The superuser's."""
        return self.postgres.url()

    @property
    def servers(self) -> str:
        return self.kafka.bootstrap_servers

    def environment(self, login: str, port: int) -> dict[str, str]:
        """What a program of the product is told."""
        return {
            "HITL_DATABASE_URL": self.urls[login],
            "HITL_KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "HITL_ENVIRONMENT": "local",
            "HITL_METRICS_PORT": str(port),
        }


@contextmanager
def standing() -> Iterator[Stage]:
    """Start and prepare both servers. Raises Fatal when one cannot be had."""
    with ExitStack() as stack:
        kafka = KafkaServer(properties=BROKER)
        stack.callback(kafka.close)
        kafka.start()
        postgres = PostgresServer(durable=True)
        stack.callback(postgres.stop)
        postgres.start()
        owner = {"HITL_DATABASE_URL": postgres.url(), "HITL_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
        for command in (("migrate", "up"), ("topics", "apply", "--environment", "local")):
            subprocess.run([COMMAND, *command], env={**os.environ, **owner}, check=True, capture_output=True)
        yield Stage(kafka, postgres, asyncio.run(_prepare(postgres)))


async def _prepare(postgres: PostgresServer) -> dict[str, str]:
    """Spies, and a login for each program: the spy tells by it who moved a position."""
    urls = {}
    connection = await asyncpg.connect(postgres.url())
    try:
        await snapshot.install_spy(connection)
        for login, role in LOGINS.items():
            password = secrets.token_urlsafe(24)
            await connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE {role}")
            urls[login] = f"postgresql://{login}:{password}@127.0.0.1:{postgres.port}/postgres"
    finally:
        await connection.close()
    return urls
