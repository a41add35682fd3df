"""Whether a run did the work: rows and messages counted against what was sent. A figure of a run that did not is no figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from benchmarks.pipeline.load import Sent
from benchmarks.pipeline.peer import job
from benchmarks.pipeline.world import PARTITIONS, Stage
from hitl_stream.broker import admin

OUTPUTS = ("decisions", "auto_approved", "pending_review")
COUNTS = """
    SELECT (SELECT count(*) FROM event_seen) AS event_seen,
           (SELECT count(*) FROM patch WHERE state = 'approved') AS patch_approved,
           (SELECT count(*) FROM patch WHERE state = 'pending') AS patch_pending,
           (SELECT count(*) FROM evidence) AS evidence,
           (SELECT coalesce(sum(length(payload)), 0)::bigint FROM evidence) AS evidence_bytes,
           (SELECT count(*) FROM decision) AS decision,
           (SELECT coalesce(sum(length(reasons)), 0)::bigint FROM decision) AS decision_reason_bytes,
           (SELECT count(*) FROM review) AS review,
           (SELECT count(DISTINCT patch_id) FROM action) AS action
"""


class Mismatch(Exception):
    """A run did not do the work; every difference is named."""


@dataclass(slots=True)
class Expectation:
    """What a load must leave behind: rows, messages and bytes of messages by topic."""

    rows: dict[str, int]
    messages: dict[str, int] = field(default_factory=dict)
    message_bytes: dict[str, int] = field(default_factory=dict)

    def without(self, names: Iterable[str]) -> Expectation:
        """The same, but that these rows are not made."""
        return Expectation({**self.rows, **dict.fromkeys(names, 0)}, self.messages, self.message_bytes)

    @property
    def total(self) -> int:
        """All messages."""
        return sum(self.messages.values())


def expect(load: Iterable[Sent]) -> Expectation:
    """Do the work once in memory and count."""
    expected = Expectation(dict.fromkeys(_row_names(), 0), dict.fromkeys(OUTPUTS, 0), dict.fromkeys(OUTPUTS, 0))
    now, origin = job.now(), job.Origin("", 0, 0)
    for sent in load:
        done = job.handle(dict(sent.headers), sent.value, origin, now)
        approved = "decision" in done.rows
        if approved is not sent.approvable:
            raise Mismatch(f"the rules and the load disagree on {sent.patch_id}")
        counted = {
            "event_seen": 1, "evidence": 1, "evidence_bytes": len(sent.value), "patch_approved": approved,
            "patch_pending": not approved, "decision": approved, "review": not approved, "action": not approved,
            "decision_reason_bytes": len(done.rows["decision"][8]) if approved else 0,
        }  # fmt: skip
        for name, count in counted.items():
            expected.rows[name] += count
        for message in done.messages:
            expected.messages[message.topic] += 1
            expected.message_bytes[message.topic] += len(message.value)
    return expected


class Watch:
    """Looks how many messages lie in the outgoing topics, at the cost of a few requests."""

    def __init__(self, stage: Stage, logical: Iterable[str] = OUTPUTS) -> None:
        self._consumer = Consumer(stage.client(**{"group.id": "watch"}))
        names = [stage.topics.physical(name) for name in logical]
        self._places = [TopicPartition(name, partition) for name in names for partition in range(PARTITIONS)]

    def published(self) -> int:
        """All messages until now, those that are deleted already included: the topics began with the run."""
        return sum(self._consumer.get_watermark_offsets(place, timeout=10)[1] for place in self._places)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def recorded(stage: Stage) -> int:
    """How many events the database knows."""
    return int(stage.fetch("SELECT count(*) FROM event_seen")[0][0])


def check(stage: Stage, expected: Expectation, since: float = 0.0) -> tuple[float, float]:
    """Compare; the broker's times of the first and the last message after `since`, in seconds. Raises Mismatch."""
    problems = []
    row = stage.fetch(COUNTS)[0]
    for name, wanted in expected.rows.items():
        if row[name] != wanted:
            problems.append(f"{name}: {row[name]} instead of {wanted}")
    times_ms = list[int]()
    for logical in OUTPUTS:
        count, keys, size, among_ms = _read(stage, stage.topics.physical(logical))
        times_ms += among_ms
        wanted, wanted_bytes = expected.messages[logical], expected.message_bytes[logical]
        repeated = count > wanted  # at least once allows it; then the bytes cannot be compared
        if keys != wanted or count < wanted or (size != wanted_bytes and not repeated):
            problems.append(
                f"{logical}: {count} messages of {keys} patches with {size} bytes, "
                f"instead of {wanted} with {wanted_bytes}"
            )
    if problems:
        raise Mismatch("; ".join(problems))
    after_ms = [at for at in times_ms if at >= int(since * 1000)]
    return min(after_ms) / 1000, max(after_ms) / 1000


def _row_names() -> tuple[str, ...]:
    return (
        "event_seen", "patch_approved", "patch_pending", "evidence", "evidence_bytes", "decision", "decision_reason_bytes",
        "review", "action",
    )  # fmt: skip


def _read(stage: Stage, topic: str) -> tuple[int, int, int, set[int]]:
    """Messages of a topic: how many, of how many keys, how many bytes, and their times in ms."""
    ends = admin.watermarks(stage.connection, [topic])[topic]
    consumer = Consumer(stage.client(**{"group.id": "verify", "enable.auto.commit": False}))
    consumer.assign([TopicPartition(topic, partition, low) for partition, (low, _) in ends.items()])
    wanted = sum(high - low for low, high in ends.values())
    count, size, times_ms, keys = 0, 0, set[int](), set[bytes]()
    while count < wanted:
        for message in consumer.consume(5_000, 5.0):
            if message.error() is not None:
                raise Mismatch(f"{topic} cannot be read: {message.error()}")
            count += 1
            size += len(message.value() or b"")
            times_ms.add(message.timestamp()[1])
            keys.add(message.key() or b"")
    consumer.close()
    return count, len(keys), size, times_ms
