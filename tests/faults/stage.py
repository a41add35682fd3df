"""The campaign's own servers, prepared as an operator would: topics and schema by the product's commands, a login each."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from hitl_stream.errors import Fatal
from tests.faults.crew.people import AUTHORS, PEOPLE
from tests.faults.judge import snapshot
from tests.harness.kafka import KafkaServer
from tests.harness.kafka_cluster import KafkaCluster
from tests.harness.postgres import PostgresServer
from tests.harness.provider import Provider
from tests.harness.toxiproxy import Toxiproxy


class Line(StrEnum):
    """What can break between programs and servers. Everybody else goes straight."""

    WORKERS_KAFKA = "line from workers to Kafka"
    WORKERS_POSTGRES = "line from workers to Postgres"
    SIDECARS_POSTGRES = "line from sidecars to Postgres"
    SCHEDULER_POSTGRES = "line from the scheduler to Postgres"


COMMAND: Final = str(Path(sys.executable).with_name("hitl-stream"))
# Transactions that a killed broker left open end soon: until then nobody can read past them.
BROKER: Final = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}
POSTGRES: Final = {"track_commit_timestamp": "on"}
SMALL_DISK: Final = "1500m"
LOGINS: Final = {
    "worker_1": "hitl_worker", "worker_2": "hitl_worker", "worker_3": "hitl_worker", "scheduler": "hitl_scheduler",
    "sidecar_1": "hitl_sidecar", "sidecar_2": "hitl_sidecar", "operator": "hitl_operator",
}  # fmt: skip
LINES_OF: Final = {
    "hitl_worker": Line.WORKERS_POSTGRES, "hitl_sidecar": Line.SIDECARS_POSTGRES, "hitl_scheduler": Line.SCHEDULER_POSTGRES,
    "hitl_operator": Line.SCHEDULER_POSTGRES,
}  # fmt: skip
# Short enough that rounds and reviews end while everything is being tormented.
LIMITS: Final = {
    "evidence_deadline_s": 4,
    "review_time_limit_s": {"critical": 20, "high": 25, "medium": 25, "low": 25},
}


class Setting(StrEnum):
    """Where an episode plays."""

    USUAL = "one broker"
    REPLICATED = "three brokers"
    SMALL_DISK = "a small disk"


@dataclass(frozen=True)
class Stage:
    """All servers, running and prepared: one broker or three. `urls` says how each login connects,
    `environ` is told to every program besides."""

    kafka: KafkaServer | KafkaCluster
    postgres: PostgresServer
    provider: Provider
    lines: Toxiproxy
    urls: Mapping[str, str]
    environ: Mapping[str, str]

    @property
    def url(self) -> str:
        """The superuser's."""
        return self.postgres.url()

    @property
    def servers(self) -> str:
        """Where everybody connects who does not go through a line."""
        return self.kafka.bootstrap_servers

    @property
    def broker(self) -> KafkaServer:
        """The only one."""
        assert isinstance(self.kafka, KafkaServer)
        return self.kafka

    @property
    def cluster(self) -> KafkaCluster:
        """The three of them."""
        assert isinstance(self.kafka, KafkaCluster)
        return self.kafka

    @property
    def partitions(self) -> int:
        """Of each topic, by topics.yaml."""
        return 4 if isinstance(self.kafka, KafkaServer) else 12

    def environment(self, login: str, port: int) -> dict[str, str]:
        """What a program of the product is told; `port` is where it answers."""
        return {
            **self.environ,
            "HITL_DATABASE_URL": self.urls[login],
            "HITL_KAFKA_BOOTSTRAP_SERVERS": self._workers_kafka,
            "HITL_ENVIRONMENT": "local",
            "HITL_METRICS_PORT": str(port),
            "HITL_HTTP_PORT": str(port),
            **self.provider.environment(),
        }

    def admit(self) -> None:
        """Let people in, once the schema knows of any."""
        asyncio.run(self._admit())

    async def _admit(self) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await admit_people(connection)
        finally:
            await connection.close()

    @property
    def _workers_kafka(self) -> str:
        return self.servers if isinstance(self.kafka, KafkaCluster) else f"127.0.0.1:{self.kafka.line_port}"


@contextmanager
def standing(setting: Setting = Setting.USUAL, *, product: Path | None = None) -> Iterator[Stage]:
    """Start and prepare all servers; `product` is where another copy of it lies. Raises Fatal when one cannot be had."""
    environ = {} if product is None else {"PYTHONPATH": str(product)}
    with ExitStack() as stack:
        lines = stack.enter_context(Toxiproxy())
        kafka: KafkaServer | KafkaCluster = (
            KafkaCluster(properties=BROKER)
            if setting is Setting.REPLICATED
            else KafkaServer(properties=BROKER, line=partial(lines.lay, Line.WORKERS_KAFKA))
        )
        stack.callback(kafka.close)
        kafka.start()
        postgres = PostgresServer(durable=True, options=POSTGRES)
        stack.callback(postgres.stop)
        if setting is Setting.SMALL_DISK:
            stack.enter_context(_small_disk(postgres))
        postgres.start()
        addresses = {"HITL_DATABASE_URL": postgres.url(), "HITL_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
        owner = {**environ, **addresses}
        for command in (
            "migrate up",
            f"topics apply --environment {'production' if setting is Setting.REPLICATED else 'local'}",
        ):
            _run(command.split(), owner)
        _shorten(owner)
        ports = {line: lines.lay(line, postgres.port) for line in set(LINES_OF.values())}
        provider = stack.enter_context(Provider())
        yield Stage(kafka, postgres, provider, lines, asyncio.run(_prepare(postgres, ports)), environ)


@contextmanager
def _small_disk(postgres: PostgresServer) -> Iterator[None]:
    """Everything of the server on a file system of its own, that can be filled. Raises Fatal without the right to mount one."""
    owner = f",uid={postgres.account.uid},gid={postgres.account.gid}" if postgres.account else ""
    where = str(postgres.folder)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=700{owner}", "tmpfs", where]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fatal(f"no file system can be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        postgres.halt()
        subprocess.run(["umount", where], check=False)


def _shorten(owner: Mapping[str, str]) -> None:
    """Let another policy decide: the one that is there, with other time limits."""
    document = json.loads(_run(["policy", "show", "--output", "json"], owner))
    members = {name: value for name, value in document.items() if name != "version"} | LIMITS
    proposed = _run(["policy", "propose", "-", "--note", "campaign", "--output", "json"], owner, json.dumps(members))
    _run(["policy", "activate", str(json.loads(proposed)["version"]), "--reason", "campaign"], owner)


def _run(command: list[str], environment: Mapping[str, str], given: str = "") -> str:
    done = subprocess.run(
        [COMMAND, *command], env={**os.environ, **environment}, input=given, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise Fatal(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


async def admit_people(connection: asyncpg.Connection) -> None:
    """Say who may do what, and whose patches are whose."""
    roles = [(person.group, role, "campaign") for person in PEOPLE for role in person.roles]
    await connection.executemany(
        "INSERT INTO access_group_role (group_name, role, granted_by) VALUES ($1, $2, $3)", roles
    )
    authors = [(*author, person, "campaign") for author, person in AUTHORS.items()]
    await connection.executemany(
        "INSERT INTO author (source, name, person, mapped_by) VALUES ($1, $2, $3, $4)", authors
    )


async def _prepare(postgres: PostgresServer, ports: Mapping[Line, int]) -> dict[str, str]:
    """Spies, and a login for each program: the spy tells by it who moved a position."""
    urls = {}
    connection = await asyncpg.connect(postgres.url())
    try:
        await snapshot.install_spy(connection)
        for login, role in LOGINS.items():
            password = secrets.token_urlsafe(24)
            await connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE {role}")
            urls[login] = f"postgresql://{login}:{password}@127.0.0.1:{ports[LINES_OF[role]]}/postgres"
    finally:
        await connection.close()
    return urls
