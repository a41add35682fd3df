"""What makes `topics.yaml` sound: the rules that its form alone cannot say, in every environment that it describes.

Nothing here knows a broker; what differs from one is said in `broker/topology`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hitl_stream.contract import topic_document
from hitl_stream.contract.topic_document import Layout, Merged, TopicDocument, spell

# What a dead letter carries beyond the original: our own headers with a reason that is cut to a line.
DEAD_LETTER_HEADROOM_BYTES = 65_536

# Every setting that a topic of Kafka 4 knows: else a typo is found by the broker, on the day of the roll-out.
CONFIG_KEYS = frozenset(
    {
        "cleanup.policy",
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "delete.retention.ms",
        "file.delete.delay.ms",
        "flush.messages",
        "flush.ms",
        "follower.replication.throttled.replicas",
        "index.interval.bytes",
        "leader.replication.throttled.replicas",
        "local.retention.bytes",
        "local.retention.ms",
        "max.compaction.lag.ms",
        "max.message.bytes",
        "message.timestamp.after.max.ms",
        "message.timestamp.before.max.ms",
        "message.timestamp.type",
        "min.cleanable.dirty.ratio",
        "min.compaction.lag.ms",
        "min.insync.replicas",
        "preallocate",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "retention.bytes",
        "retention.ms",
        "segment.bytes",
        "segment.index.bytes",
        "segment.jitter.ms",
        "segment.ms",
        "unclean.leader.election.enable",
    }
)
NUMBERS = ("max.message.bytes", "min.insync.replicas", "retention.bytes", "retention.ms", "segment.ms")


def problems(document: TopicDocument) -> list[str]:
    """Everything that is wrong with the file, each with its path; empty if it is sound."""
    return [*_name_problems(document), *_environment_problems(document)]


def _name_problems(document: TopicDocument) -> Iterator[str]:
    seen: dict[str, str] = {}
    for logical, entry in document.topics.items():
        # Kafka's metric names cannot tell '.' from '_', and it refuses two topics that differ in nothing else.
        plain = entry.name.replace(".", "_")
        if plain in seen:
            yield f"topics.{logical}.name: {entry.name} collides with topics.{seen[plain]}.name"
        seen.setdefault(plain, logical)
        if entry.dead_letter is not None and entry.dead_letter not in document.topics:
            yield f"topics.{logical}.deadLetter: there is no topic {entry.dead_letter!r}"
        if entry.dead_letter == logical:
            yield f"topics.{logical}.deadLetter: points to itself"
    for name, environment in document.environments.items():
        for logical in environment.topics.keys() - document.topics.keys():
            yield f"environments.{name}.topics.{logical}: there is no such topic"


def _environment_problems(document: TopicDocument) -> Iterator[str]:
    for place, layout in _layouts(document):
        for key, value in layout.config.items():
            if key not in CONFIG_KEYS:
                yield f"{place}config.{key}: Kafka knows no such topic setting"
            elif key in NUMBERS and not re.fullmatch(r"-1|\d+", spell(value)):
                yield f"{place}config.{key}: must be a whole number (got {value!r})"
    found: dict[str, list[str]] = {}
    for environment in document.environments:
        for logical in document.topics:
            for problem in _topic_problems(document, environment, logical):
                found.setdefault(problem, []).append(environment)
    for problem, environments in found.items():
        everywhere = len(environments) == len(document.environments)
        yield problem if everywhere else f"{problem} [in {', '.join(environments)}]"


def _layouts(document: TopicDocument) -> Iterator[tuple[str, Layout]]:
    yield "defaults.", document.defaults
    for name, environment in document.environments.items():
        yield f"environments.{name}.", environment
        for logical, layout in environment.topics.items():
            yield f"environments.{name}.topics.{logical}.", layout
    for logical, entry in document.topics.items():
        yield f"topics.{logical}.", entry


def _topic_problems(document: TopicDocument, environment: str, logical: str) -> Iterator[str]:
    place = f"topics.{logical}"
    topic = topic_document.merged(document, environment, logical)
    if not topic.partitions:
        yield f"{place}.partitions: is missing, here and in defaults"
    if not topic.replicas:
        yield f"{place}.replicas: is missing, here and in defaults"
        return
    insync = _number(topic, "min.insync.replicas")
    if insync is not None and insync >= topic.replicas and (insync, topic.replicas) != (1, 1):
        yield (
            f"{place}.config.min.insync.replicas: {insync} of {topic.replicas} replicas"
            " stops all writes when one broker is down"
        )
    yield from _dead_letter_problems(document, environment, logical, topic)


def _dead_letter_problems(document: TopicDocument, environment: str, logical: str, topic: Merged) -> Iterator[str]:
    target = document.topics[logical].dead_letter
    if target is None or target not in document.topics or target == logical:
        return
    largest = _number(topic, "max.message.bytes")
    if largest is None:
        yield f"topics.{logical}.config.max.message.bytes: must be declared, its dead letters have to fit"
        return
    room = _number(topic_document.merged(document, environment, target), "max.message.bytes")
    if room is None or room < largest + DEAD_LETTER_HEADROOM_BYTES:
        yield (
            f"topics.{target}.config.max.message.bytes: {room} does not hold the largest record of {logical}"
            f" ({largest}) and {DEAD_LETTER_HEADROOM_BYTES} bytes of headers"
        )


def _number(topic: Merged, key: str) -> int | None:
    value = topic.config.get(key, "")
    return int(value) if re.fullmatch(r"-1|\d+", value) else None
