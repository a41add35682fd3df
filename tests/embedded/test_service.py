"""The servers for tests and trials: they start, survive what is done to them, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka.admin import AdminClient, NewTopic

from hitl_stream.contract import topics
from hitl_stream.embedded.kafka import Kafka
from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Fatal
from tests.harness import wait
from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer
from tests.harness.process import wait_ended


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_every_test_gets_a_migrated_database_of_its_own(any_database: str) -> None:
    assert await value(any_database, "SELECT count(*) FROM patch") == 0
    assert await value(any_database, "SHOW timezone") == "UTC"


async def test_an_empty_database_has_no_schema_of_ours(empty_database: str) -> None:
    assert await value(empty_database, "SELECT to_regclass('patch')") is None


async def test_committed_rows_survive_a_kill_of_postgres() -> None:
    with PostgresServer(durable=True) as server:
        await value(server.url(), "CREATE TABLE kept AS SELECT 7 AS n")
        server.kill()
        server.start()
        assert await value(server.url(), "SELECT n FROM kept") == 7
        server.restart()
        assert await value(server.url(), "SELECT n FROM kept") == 7
    assert not server.folder.exists()


async def test_the_embedded_postgres_keeps_a_given_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp().parents[1] / f"hitl-kept-{os.getpid()}"
    try:
        with Postgres(folder) as server:
            await value(server.url(), "CREATE TABLE kept AS SELECT 7 AS n")
        with Postgres(folder) as server:
            assert await value(server.url(), "SELECT n FROM kept") == 7
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


async def test_the_embedded_postgres_wants_its_password() -> None:
    with Postgres() as server:
        stranger = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(stranger, password="guess")


def test_a_server_that_cannot_start_says_why_from_its_log() -> None:
    with pytest.raises(Fatal, match="no_such_parameter"):
        PostgresServer(options={"no_such_parameter": "1"}).start()


def test_nothing_is_left_when_the_starter_is_killed() -> None:
    program = "import sys; from hitl_stream.embedded.postgres import Postgres\np = Postgres().start()\n"
    program += "print(p._child.pid, p.folder, flush=True); sys.stdin.read()"
    starter = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    pid, folder = starter.stdout.readline().split()
    server = psutil.Process(int(pid))
    starter.kill()
    starter.wait()
    wait_ended([server])
    wait.until(lambda: not Path(folder).exists())


async def produce_and_consume(bootstrap_servers: str, topic: str) -> list[bytes | None]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap_servers, group_id="test", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        await producer.send_and_wait(topic, b"one", key=b"k")
        record = await asyncio.wait_for(consumer.getone(), 30)
        return [record.key, record.value]
    finally:
        await consumer.stop()
        await producer.stop()


async def test_the_embedded_broker_serves_a_group_and_has_the_declared_partitions() -> None:
    declared = topics.load()
    with Kafka(declared) as broker:
        assert await produce_and_consume(broker.bootstrap_servers, "wargaming.results") == [b"k", b"one"]
        listed = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics
        assert {topic.name: topic.partitions for topic in declared} == {n: len(t.partitions) for n, t in listed.items()}


async def test_records_survive_a_kill_of_kafka() -> None:
    with KafkaServer() as server:
        admin = AdminClient({"bootstrap.servers": server.bootstrap_servers})
        admin.create_topics([NewTopic("kept", 2, 1)])["kept"].result()
        server.kill()
        server.start()
        assert await produce_and_consume(server.bootstrap_servers, "kept") == [b"k", b"one"]
    assert not server.folder.exists()


async def test_a_session_shares_one_real_kafka(kafka: str) -> None:
    assert AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=10).cluster_id
