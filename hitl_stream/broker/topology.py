"""What topics are declared, what the broker has, and what lies between: the plan. Pure.

A plan creates, grows and configures. It never deletes, never shrinks, and names no key that is not declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hitl_stream.contract.topics import Topic, Topics


@dataclass(frozen=True, slots=True)
class ActualTopic:
    """One topic as the broker has it; `config` holds what is in force, wherever it was set."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Create:
    """A topic that is missing."""

    topic: Topic

    def __str__(self) -> str:
        config = ", ".join(f"{key}={value}" for key, value in sorted(self.topic.config.items()))
        return f"create {self.topic.name}: {self.topic.partitions} partitions, {self.topic.replicas} replicas, {config}"


@dataclass(frozen=True, slots=True)
class Grow:
    """A topic with fewer partitions than declared."""

    topic: Topic
    partitions: int

    def __str__(self) -> str:
        return f"grow {self.topic.name}: partitions {self.partitions} -> {self.topic.partitions}"


@dataclass(frozen=True, slots=True)
class Configure:
    """A declared key with another value in force."""

    topic: Topic
    key: str
    before: str | None
    after: str

    def __str__(self) -> str:
        return f"set {self.topic.name}: {self.key} {self.before} -> {self.after}"


Change = Create | Grow | Configure


@dataclass(frozen=True, slots=True)
class Refusal:
    """A difference that a plan does not touch, and what a person can do about it."""

    topic: Topic
    reason: str

    def __str__(self) -> str:
        return f"refuse {self.topic.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that differs: what would be done, in this order, and what would not."""

    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]

    @property
    def empty(self) -> bool:
        """Whether the broker is as declared."""
        return not self.changes and not self.refusals


def plan(topics: Topics, actual: Mapping[str, ActualTopic], *, grow_keyed: bool = False) -> Plan:
    """What turns `actual` (by physical name) into what is declared."""
    found = [item for topic in topics for item in _compare(topic, actual.get(topic.name), grow_keyed)]
    return Plan(
        changes=tuple(item for item in found if not isinstance(item, Refusal)),
        refusals=tuple(item for item in found if isinstance(item, Refusal)),
    )


def _compare(topic: Topic, actual: ActualTopic | None, grow_keyed: bool) -> Iterator[Change | Refusal]:
    if actual is None:
        yield Create(topic)
        return
    if actual.partitions > topic.partitions:
        yield Refusal(
            topic, f"partitions {actual.partitions} -> {topic.partitions}: a topic cannot shrink; declare more"
        )
    if actual.partitions < topic.partitions:
        if topic.keyed and not grow_keyed:
            yield Refusal(
                topic,
                f"partitions {actual.partitions} -> {topic.partitions}: keys would move to other partitions and lose"
                " their order; --grow-keyed does it all the same",
            )
        else:
            yield Grow(topic, actual.partitions)
    if actual.replicas != topic.replicas:
        yield Refusal(
            topic, f"replicas {actual.replicas} -> {topic.replicas}: needs Kafka's own kafka-reassign-partitions"
        )
    for key, value in topic.config.items():
        if not _equal(key, actual.config.get(key), value):
            yield Configure(topic, key, actual.config.get(key), value)


def _equal(key: str, before: str | None, after: str) -> bool:
    if key == "cleanup.policy" and before is not None:
        return set(before.split(",")) == set(after.split(","))  # a set, in whatever order the broker lists it
    return before == after
