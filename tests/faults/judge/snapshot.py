"""A snapshot of the whole world: every topic, every table, Eureka's copy. Plain data that a mutation can change.

Rows are what Postgres calls `row_to_json`: bytes as "\\x…", times as ISO text. Imports nothing of the product.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import asyncpg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

Row: TypeAlias = dict[str, Any]
INPUT_TOPICS = ("wargaming.results", "eureka.outcomes")
OUTPUT_TOPICS = ("hitl.auto-approved", "hitl.pending-review", "hitl.decisions", "hitl.dead-letters")
SILENCE_S, POLL_S = 30.0, 0.2

# When others could see it, where the server keeps that; `now()` of a transaction is when it began.
KEEPS_TIMES = "current_setting('track_commit_timestamp')::boolean"
COMMITTED_AT = f"CASE WHEN {KEEPS_TIMES} THEN pg_xact_commit_timestamp(xmin) END AS committed_at"
# A payload is only needed to see that it is what its digest says: 50,000 of them would not fit a snapshot.
QUERIES = {
    "consumer_position": "SELECT * FROM consumer_position",
    "policy_document": "SELECT * FROM policy_document",
    "patch": "SELECT * FROM patch ORDER BY patch_id",
    "round_closed": "SELECT * FROM round_closed ORDER BY patch_id, round",
    "review": "SELECT * FROM review ORDER BY patch_id, round",
    "event_seen": "SELECT * FROM event_seen",
    "evidence": "SELECT patch_id, source, event_id, round, topic, partition, record_offset, patch_digest, payload_sha256,"
    f" sha256(payload) AS stored_sha256, received_at, {COMMITTED_AT} FROM evidence ORDER BY received_at",
    "outcome": "SELECT patch_id, source, event_id, topic, partition, record_offset, decision_id, patch_digest, outcome,"
    " received_at, unapproved, payload_sha256, sha256(payload) AS stored_sha256 FROM outcome ORDER BY received_at",
    "dead_letter": "SELECT * FROM dead_letter ORDER BY id",
    "decision": f"SELECT *, {COMMITTED_AT} FROM decision ORDER BY patch_id, seq",
    "vote": f"SELECT *, {COMMITTED_AT} FROM vote ORDER BY at",
    "action": f"SELECT *, {COMMITTED_AT} FROM action ORDER BY id",
    "audit_entry": "SELECT at, actor, role, token_id, action, patch_id, seq, request_id FROM audit_entry ORDER BY at",
    "author": "SELECT * FROM author",
    "approval_rule": "SELECT * FROM approval_rule",
    "change": "SELECT xid::text, kind, patch_id, tags FROM change ORDER BY at",
    "outbox": "SELECT * FROM outbox ORDER BY shard, id",
    "spy_outbox": "SELECT shard, id, messages FROM spy_outbox ORDER BY shard, id",
    "spy_patch": "SELECT * FROM spy_patch ORDER BY id",
    "spy_position": "SELECT * FROM spy_position ORDER BY id",
}

# The triggers run as their owner: a worker may put rows into the outbox, never here. `login` is who was connected.
SPY = """
CREATE TABLE spy_outbox (shard int NOT NULL, id bigint PRIMARY KEY, messages bytea[] NOT NULL);
CREATE FUNCTION spy_on_outbox() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO spy_outbox VALUES (NEW.shard, NEW.id, NEW.messages) ON CONFLICT (id) DO NOTHING;  -- one that moved is not new
  RETURN NULL;
END $$;
CREATE TRIGGER spy AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION spy_on_outbox();
CREATE TABLE spy_patch (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), patch_id text NOT NULL,
  before bigint, after bigint NOT NULL, was text, state text NOT NULL, round int NOT NULL, seq int NOT NULL,
  changed_at timestamptz NOT NULL
);
CREATE FUNCTION spy_on_patch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.version <> OLD.version THEN
    INSERT INTO spy_patch (patch_id, before, after, was, state, round, seq, changed_at)
    VALUES (NEW.patch_id, OLD.version, NEW.version, OLD.state, NEW.state, NEW.round, NEW.seq, NEW.changed_at);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER spy AFTER INSERT OR UPDATE ON patch FOR EACH ROW EXECUTE FUNCTION spy_on_patch();
CREATE TABLE spy_position (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cluster_id text NOT NULL, topic text NOT NULL, partition int NOT NULL,
  epoch bigint NOT NULL, claimed bool NOT NULL, before bigint, after bigint NOT NULL, login text NOT NULL
);
CREATE FUNCTION spy_on_position() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO spy_position (cluster_id, topic, partition, epoch, claimed, before, after, login)
  VALUES (NEW.cluster_id, NEW.topic, NEW.partition, NEW.epoch, TG_OP = 'UPDATE' AND NEW.epoch > OLD.epoch,
          CASE WHEN TG_OP = 'UPDATE' THEN OLD.next_offset END, NEW.next_offset, session_user);
  RETURN NULL;
END $$;
CREATE TRIGGER spy AFTER INSERT OR UPDATE ON consumer_position FOR EACH ROW EXECUTE FUNCTION spy_on_position();
"""


class Record(NamedTuple):
    """One record of a topic as it lies there."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset


@dataclass
class World:
    """Everything that can be compared. `ends` maps topic to partition to end offset, `eureka` holds the decisions that
    Eureka accepted, by patch and in its order, `journal` what was sent, asked for and heard, `excused` the places of what was
    deleted before anybody had recorded it."""

    cluster_id: str
    inputs: list[Record] = field(default_factory=list)
    outputs: list[Record] = field(default_factory=list)
    ends: dict[str, dict[int, int]] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    eureka: dict[str, list[Row]] = field(default_factory=dict)
    excused: list[tuple[str, int, int]] = field(default_factory=list)
    journal: list[Row] = field(default_factory=list)


def raw(text: str | None) -> bytes | None:
    """Bytes of a bytea as row_to_json spells it."""
    return None if text is None else bytes.fromhex(text.removeprefix("\\x"))


def install_spy(connection: asyncpg.Connection) -> Any:
    """Keep every row the outbox ever gets, every version of a patch and every move of a position.

    Once, as the superuser, before the first record.
    """
    return connection.execute(SPY)


async def read_tables(url: str) -> dict[str, list[Row]]:
    """All rows of all tables that the checker compares, at one moment."""
    connection = await asyncpg.connect(url)
    try:
        return await tables(connection)
    finally:
        await connection.close()


async def tables(connection: asyncpg.Connection) -> dict[str, list[Row]]:
    """The same over a connection that there is already."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return {
            name: [json.loads(row[0]) for row in await connection.fetch(f"SELECT row_to_json(t) FROM ({query}) AS t")]
            for name, query in QUERIES.items()
        }


def read_topics(servers: str, topics: Iterable[str]) -> tuple[list[Record], dict[str, dict[int, int]]]:
    """Every committed record of the topics, and where each partition ends."""
    settings = {
        "bootstrap.servers": servers, "group.id": "checker", "enable.auto.commit": False, "enable.partition.eof": True,
        "isolation.level": "read_committed", "auto.offset.reset": "error",
    }  # fmt: skip
    consumer = Consumer(settings)
    try:
        known = consumer.list_topics(timeout=SILENCE_S).topics
        places = [(topic, p) for topic in topics if topic in known for p in known[topic].partitions]
        ends: dict[str, dict[int, int]] = {topic: {} for topic, _ in places}
        assignment = []
        for topic, partition in places:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=SILENCE_S)
            ends[topic][partition] = high
            assignment.append(TopicPartition(topic, partition, low))
        consumer.assign(assignment)
        return _read_to_end(consumer, set(places)), ends
    finally:
        consumer.close()


def _read_to_end(consumer: Consumer, unread: set[tuple[str, int]]) -> list[Record]:
    found: list[Record] = []
    heard_at = time.monotonic()
    while unread:
        batch = consumer.consume(10_000, timeout=POLL_S)
        if batch:
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > SILENCE_S:
            raise TimeoutError(f"nothing from {sorted(unread)} for {SILENCE_S} s")
        for message in batch:
            error = message.error()
            if error is None:
                found.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard((message.topic(), message.partition()))
            else:
                raise KafkaException(error)
    return sorted(found, key=lambda record: record.place)


def _record(message: Message) -> Record:
    headers: Any = message.headers() or ()
    place: Any = (message.topic(), message.partition(), message.offset())
    return Record(
        place[0],
        place[1],
        place[2],
        message.key(),
        message.value(),
        tuple((name, content) for name, content in headers),
    )


async def capture(
    url: str,
    servers: str,
    eureka: Path | None = None,
    journal: Path | None = None,
    cluster_id: str = "",
) -> World:
    """The world as it is now; nothing may be running that changes it. Without a cluster id there must be one only."""
    inputs, ends = read_topics(servers, INPUT_TOPICS)
    outputs, output_ends = read_topics(servers, OUTPUT_TOPICS)
    tables = await read_tables(url)
    if not cluster_id:
        (cluster_id,) = {row["cluster_id"] for row in tables["consumer_position"]}
    world = World(cluster_id, inputs, outputs, ends | output_ends, tables, read_eureka(eureka) if eureka else {})
    if journal is not None:
        world.journal = [json.loads(line) for line in journal.read_text().splitlines()]
    return world


def read_eureka(copy: Path) -> dict[str, list[Row]]:
    """The copy that examples/eureka_consumer.py keeps: a decision a line."""
    found: dict[str, list[Row]] = {}
    for line in copy.read_text().splitlines():
        decision = json.loads(line)
        found.setdefault(decision["patch_id"], []).append(decision)
    return found


def save(world: World, path: Path) -> None:
    """Write the world as JSON; bytes become {"b64": …}."""
    path.write_text(json.dumps(asdict(world), default=_packed))


def load(path: Path) -> World:
    """Read what `save` wrote."""
    plain = json.loads(path.read_text(), object_hook=_unpacked)
    for name in ("inputs", "outputs"):
        plain[name] = [
            Record(row[0], row[1], row[2], row[3], row[4], tuple((h, c) for h, c in row[5])) for row in plain[name]
        ]
    plain["ends"] = {topic: {int(p): end for p, end in ends.items()} for topic, ends in plain["ends"].items()}
    plain["excused"] = [tuple(place) for place in plain["excused"]]
    return World(**plain)


def _packed(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"b64": b64encode(value).decode()}
    raise TypeError(type(value))


def _unpacked(value: dict[str, Any]) -> Any:
    return b64decode(value["b64"]) if value.keys() == {"b64"} else value
