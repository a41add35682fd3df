"""An operator may set positions of a recreated topic: all at once, audited, and no worker of before can go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from hitl_stream.broker import admin
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.commands import positions
from hitl_stream.errors import Fatal
from hitl_stream.store import adoption, position, statement
from hitl_stream.store.adoption import Move
from hitl_stream.store.database import Database

TOPIC = "wargaming.results"


class Sides:
    """The same database as a worker and as an operator see it."""

    def __init__(self, worker: Database, operator: Database) -> None:
        self.worker = worker
        self.operator = operator

    async def claim(self, ends: dict[int, tuple[int, int]], topic_id: str) -> dict[int, position.Claim]:
        async with self.worker.connection() as conn:
            return await position.claim(conn, "c", TOPIC, ends, topic_id, "me")

    async def adopt(self, starts: dict[int, int], topic_id: str | None) -> list[Move]:
        async with self.operator.transaction() as conn:
            return await adoption.adopt(conn, "c", TOPIC, starts, topic_id, "ann", "the cluster was rebuilt")


@pytest.fixture
async def sides(database: str) -> AsyncIterator[Sides]:
    worker = await Database.open(database, "hitl_worker", size=2, name="worker")
    operator = await Database.open(database, "hitl_operator", size=2, name="operator")
    yield Sides(worker, operator)
    await worker.close()
    await operator.close()


async def test_a_recreated_topic_stops_until_it_is_adopted(sides: Sides) -> None:
    await sides.claim({0: (0, 100), 1: (0, 100)}, "old")
    with pytest.raises(Fatal, match="positions adopt"):
        await sides.claim({0: (0, 100), 1: (0, 100)}, "new")
    assert await sides.adopt({0: 7, 1: 0}, "new") == [Move(0, 0, 7), Move(1, 0, 0)]
    claims = await sides.claim({0: (7, 100), 1: (0, 100)}, "new")
    assert [claims[p].next_offset for p in (0, 1)] == [7, 0]


async def test_what_the_owner_before_recorded_meanwhile_is_not_beyond_the_end(sides: Sides) -> None:
    """The end was asked for, then the owner that the group had given up recorded two more, then the partition was claimed."""
    zombie = (await sides.claim({0: (0, 10)}, "id"))[0]
    async with sides.worker.transaction() as conn:
        assert await conn.fetch(statement.get("move_positions"), "c", [TOPIC], [0], [0], [12], [zombie.epoch])
    asked: list[None] = []

    async def asked_again(end: int = 12) -> dict[int, tuple[int, int]]:
        asked.append(None)
        return {0: (0, end)}

    async with sides.worker.connection() as conn:
        claims = await position.claim(conn, "c", TOPIC, {0: (0, 10)}, "id", "me", asked_again)
        assert (claims[0].next_offset, claims[0].epoch, len(asked)) == (12, zombie.epoch + 1, 1)
        await position.claim(conn, "c", TOPIC, {0: (0, 12)}, "id", "me", asked_again)
        assert len(asked) == 1
        with pytest.raises(Fatal, match="ends at 11, but 12 are recorded"):
            await position.claim(conn, "c", TOPIC, {0: (0, 10)}, "id", "me", partial(asked_again, 11))


async def test_partitions_that_are_new_or_gone_are_set_too(sides: Sides) -> None:
    await sides.claim({0: (0, 9), 5: (3, 9)}, "old")
    assert await sides.adopt({0: 2, 1: 4}, "new") == [Move(0, 0, 2), Move(1, None, 4), Move(5, 3, 0)]
    async with sides.operator.connection() as conn:
        shown = await adoption.show(conn)
    assert [(p.partition, p.next_offset, p.topic_id) for p in shown] == [(0, 2, "new"), (1, 4, "new"), (5, 0, "new")]


async def test_an_owner_of_before_cannot_go_on(sides: Sides) -> None:
    claim = (await sides.claim({0: (0, 9)}, "old"))[0]
    await sides.adopt({0: 0}, "new")
    async with sides.worker.transaction() as conn:
        moved = await conn.fetch(statement.get("move_positions"), "c", [TOPIC], [0], [0], [5], [claim.epoch])
    assert moved == []


async def test_who_why_and_what_stand_in_the_audit(sides: Sides) -> None:
    await sides.claim({0: (3, 9)}, "old")
    await sides.adopt({0: 8}, "new")
    async with sides.operator.connection() as conn:
        (entry,) = await conn.fetch("SELECT actor, role, action, justification, detail FROM audit_entry")
    assert tuple(entry)[:4] == ("ann", "operator", "positions_adopted", "the cluster was rebuilt")
    assert json.loads(entry["detail"]) == {
        "cluster_id": "c",
        "topic": TOPIC,
        "topic_id_before": ["old"],
        "topic_id": "new",
        "moves": [[0, 3, 8]],
    }


async def test_the_command_shows_and_adopts(
    sides: Sides, database: str, mock_kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL", database)
    monkeypatch.setenv("HITL_KAFKA_BOOTSTRAP_SERVERS", mock_kafka)
    cluster = await asyncio.to_thread(admin.cluster_id, KafkaConnection(mock_kafka))
    producer = Producer({"bootstrap.servers": mock_kafka})
    producer.produce(TOPIC, b"{}", partition=0)
    producer.flush(10)

    def ran(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(positions.app, list(words))
        return result.exit_code, result.output or str(result.exception)

    assert await asyncio.to_thread(ran, "show") == (0, "nothing is recorded yet\n")
    code, text = await asyncio.to_thread(ran, "adopt", "wargaming_results", "--start", "latest", "--reason", "trial")
    assert (code, text.splitlines()[0]) == (0, "partition 0: new -> 1")
    code, text = await asyncio.to_thread(ran, "show", "--output", "json")
    first = json.loads(text)[0]
    assert (first["cluster_id"], first["next_offset"], first["end_offset"], first["lag"]) == (cluster, 1, 1, 0)
    assert "holds 0 to 1, not 5" in (await asyncio.to_thread(ran, "adopt", TOPIC, "--start", "5", "--reason", "x"))[1]
    assert "has no topic nothing" in (await asyncio.to_thread(ran, "adopt", "nothing", "--reason", "x"))[1]
    assert (await asyncio.to_thread(ran, "adopt", TOPIC, "--reason", " "))[0] == 2
    assert (await asyncio.to_thread(ran, "adopt", TOPIC, "--reason", "x", "--start", "soon"))[0] == 2
