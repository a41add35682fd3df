"""`hitl-stream dead-letters` on a real Apache Kafka: what is replayed is what came, to the byte, and once."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from hitl_stream.broker import publisher
from hitl_stream.embedded.postgres import free_port
from hitl_stream.store import outbox
from tests.harness import command
from tests.harness import database as databases
from tests.store import row

Header = tuple[str, bytes | None]
Came = tuple[int, bytes | None, bytes | None, list[Header]]

HOSTILE = "\x1b[2J\u202eevil\u200b\r\n{cut o"
HEADERS: list[Header] = [
    ("ce_id", b"e-1"),
    ("twice", b"1"),
    ("nothing", None),
    ("twice", b"\xff\x00"),
    ("empty", b""),
    ("h\x1b[2J", b"\x1b[1m"),
]
# Partition, key, value, headers.
RECORDS: list[Came] = [
    (1, b"p-1", HOSTILE.encode(), HEADERS),
    (2, None, None, []),
    (0, b"", b"", []),
    (1, b"\xff\xfe", bytes(range(256)), [("only", None)]),
]


class Desk:
    """An operator with a topic and a database of its own, holding one dead letter for each of RECORDS, from id 1 on."""

    def __init__(self, kafka: str, database: str) -> None:
        self.kafka = kafka
        self.url = database
        self.topic = f"dl{uuid4().hex[:8]}"

    def make_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(self.topic, 3, 1)])[self.topic].result(30)

    def fill(self) -> None:
        """Make the dead letters."""
        for number, (partition, key, value, headers) in enumerate(RECORDS):
            values = {"cluster_id": "c", "topic": self.topic, "partition": partition, "record_offset": number}
            values |= {"record_key": key, "record_value": value, "headers": outbox.pack_headers(headers).decode()}
            self.insert({**values, "error": "bad_record", "reason": f"name: {HOSTILE}", "at": row.NOW})

    def insert(self, values: dict[str, Any]) -> None:
        async def work() -> None:
            conn = await asyncpg.connect(self.url)
            await row.insert(conn, "dead_letter", values)
            await conn.close()

        databases.run(work())

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []

        async def work() -> None:
            conn = await asyncpg.connect(self.url)
            found.extend(tuple(row) for row in await conn.fetch(query))
            await conn.close()

        databases.run(work())
        return found

    def run(self, *words: str, kafka: str | None = None) -> tuple[int, str, str]:
        env = {"HITL_DATABASE_URL": self.url, "HITL_KAFKA_BOOTSTRAP_SERVERS": kafka or self.kafka}
        return command.run("dead-letters", *words, env=env)

    def states(self) -> list[str]:
        return [state for (state,) in self.fetch("SELECT state FROM dead_letter ORDER BY id")]

    def came(self) -> list[Came]:
        """Everything on the topic: per partition in its order."""
        reader = Consumer({"bootstrap.servers": self.kafka, "group.id": "x", "enable.auto.commit": False})
        found: list[Came] = []
        for partition in range(3):
            low, high = reader.get_watermark_offsets(TopicPartition(self.topic, partition), 30)
            reader.assign([TopicPartition(self.topic, partition, low)])
            wanted = len(found) + high - low
            while len(found) < wanted:
                message = reader.poll(5.0)
                assert message is not None, "nothing came"
                assert message.error() is None, message.error()
                found.append((partition, message.key(), message.value(), headers_of(message)))
        reader.close()
        return found


def headers_of(message: Message) -> list[Header]:
    found: Any = message.headers() or []
    return list(found)


@pytest.fixture
def desk(kafka: str, database: str) -> Desk:
    made = Desk(kafka, database)
    made.make_topic()
    made.fill()
    return made


@pytest.fixture
def shelf(database: str) -> Desk:
    """Dead letters without a broker, for what needs none."""
    made = Desk(f"127.0.0.1:{free_port()}", database)
    made.fill()
    return made


def test_what_is_replayed_is_what_came_on_the_partition_it_came_from(desk: Desk) -> None:
    code, out, _ = desk.run("replay", "1", "2", "3", "4", "--reason", "mended", "--by", "ann")
    assert (code, out) == (0, "replayed: 1, 2, 3, 4\n")
    assert desk.came() == sorted(RECORDS, key=lambda record: record[0])
    assert desk.states() == ["replayed"] * 4
    assert desk.fetch("SELECT DISTINCT settled_by, note FROM dead_letter") == [("ann", "mended")]
    ((actor, role, action, why, detail),) = desk.fetch(
        "SELECT actor, role, action, justification, detail FROM audit_entry"
    )
    assert (actor, role, action, why) == ("ann", "operator", "dead_letters_replayed", "mended")
    assert json.loads(detail) == {"ids": [1, 2, 3, 4]}


def test_twice_is_once(desk: Desk) -> None:
    assert desk.run("replay", "1", "--reason", "mended")[0] == 0
    assert desk.run("replay", "1", "--reason", "again") == (1, "replayed: none\nnot open: 1\n", "")
    assert desk.run("replay", "1", "2", "--reason", "again")[:2] == (1, "replayed: 2\nnot open: 1\n")
    assert len(desk.came()) == 2


def test_what_is_discarded_is_not_replayed(desk: Desk) -> None:
    assert desk.run("discard", "1", "3", "--reason", "tests", "--by", "bob") == (0, "discarded: 1, 3\n", "")
    assert desk.run("replay", "1", "--reason", "x")[0] == 1
    assert desk.came() == []
    assert desk.fetch("SELECT action, actor FROM audit_entry") == [("dead_letters_discarded", "bob")]


def test_a_replay_that_fails_leaves_it_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "TIMEOUT_S", 1.0)
    code, out, err = desk.run("replay", "1", "2", "--reason", "mended", kafka=f"127.0.0.1:{free_port()}")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("hitl-stream: Kafka took not all of 2 records")
    assert desk.states() == ["open"] * 4
    assert desk.fetch("SELECT count(*) FROM action") == [(0,)]
    assert desk.run("replay", "1", "2", "--reason", "mended")[0] == 0


def test_a_record_that_the_broker_refuses_stays_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "TIMEOUT_S", 2.0)
    values = {"cluster_id": "c", "topic": desk.topic, "record_offset": 9, "headers": "[]", "at": row.NOW}
    values |= {"error": "defect", "reason": "x", "record_key": b"k"}
    desk.insert({**values, "partition": 0, "record_value": bytes(2_000_000)})
    desk.insert({**values, "partition": 7, "record_value": b"v"})
    for number in ("5", "6"):
        code, out, err = desk.run("replay", number, "--reason", "x")
        assert (code, out, len(err.splitlines())) == (1, "", 1), err
    assert desk.states() == ["open"] * 6


def test_hostile_text_is_escaped_for_a_terminal(shelf: Desk) -> None:
    shelf.run("discard", "1", "--reason", f"no{HOSTILE}", "--by", f"ann{HOSTILE}")
    for words in (("list", "--all"), ("show", "1")):
        code, out, _ = shelf.run(*words)
        assert code == 0
        assert [line for line in out.splitlines() if not line.isprintable()] == []
    assert "\\u001b[2J\\u202eevil\\u200b\\u000d\\u000a{cut o" in out
    shown = shelf.run("show", "4")[1].splitlines()
    assert [line.split()[0] for line in shown] == ["4", "key", "header", "value"]
    assert shown[1:3] == ["key      \\xff\\xfe", "header   only: null"]
    assert shelf.run("show", "2")[1].splitlines()[1:] == ["key      null", "value    null"]


def test_a_script_gets_the_bytes(shelf: Desk) -> None:
    for number, (partition, key, value, headers) in enumerate(RECORDS, 1):
        code, out, _ = shelf.run("show", str(number), "--output", "json")
        shown = json.loads(out)
        assert (code, shown["id"], shown["partition"], shown["state"]) == (0, number, partition, "open")
        assert shown["at"] == "2026-01-15T12:00:00+00:00"
        assert (decoded(shown["key"]), decoded(shown["value"])) == (key, value)
        assert [(name, decoded(content)) for name, content in shown["headers"]] == headers
    listed = json.loads(shelf.run("list", "--output", "json")[1])
    assert [letter["id"] for letter in listed] == [1, 2, 3, 4]
    assert [letter["bytes"] for letter in listed] == [len(v) if v is not None else None for _, _, v, _ in RECORDS]
    assert listed[0]["reason"] == f"name: {HOSTILE}"


def decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def test_a_list_goes_on_where_it_ended(shelf: Desk) -> None:
    lines = shelf.run("list", "--limit", "3")[1].splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3] == "there may be more: --after 3"
    assert len(shelf.run("list", "--after", "3")[1].splitlines()) == 1
    assert shelf.run("list", "--state", "replayed")[1] == "none\n"
    assert shelf.run("list", "--topic", "other", "--all")[1] == "none\n"
    assert "tombstone" in shelf.run("list")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "99"), 1),
        (("replay", "99", "--reason", "x"), 1),
        (("discard", "99", "--reason", "x"), 1),
        (("show", "0"), 2),
        (("show", "9" * 20), 2),
        (("replay", "1"), 2),
        (("replay", "1", "--reason", " "), 2),
        (("replay", "--reason", "x"), 2),
        (("replay", "1", "-5", "--reason", "x"), 2),
        (("replay", "1", "9" * 20, "--reason", "x"), 2),
        (("list", "--error", "unknown"), 2),
        (("list", "--limit", "0"), 2),
        (("list", "--after", "9" * 20), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_cannot_be_done_has_its_exit_code(shelf: Desk, words: tuple[str, ...], code: int) -> None:
    found, _, err = shelf.run(*words)
    assert found == code, err
    assert shelf.states() == ["open"] * 4


def test_the_producer_of_the_tests_knows_what_the_product_must_keep(desk: Desk) -> None:
    """What `came` reads of a record that another producer wrote: otherwise equal would mean nothing."""
    producer = Producer({"bootstrap.servers": desk.kafka})
    producer.produce(desk.topic, b"v", b"k", 1, headers=list[Any](HEADERS))
    producer.flush(30)
    assert desk.came() == [(1, b"k", b"v", HEADERS)]
