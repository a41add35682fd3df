"""The plan between declared topics and a broker: what is done, what is refused, what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hitl_stream.broker import topology
from hitl_stream.broker.topology import ActualTopic
from hitl_stream.contract import topics
from hitl_stream.contract.topics import Key, Topic, Topics

DECLARED: Topic = replace(
    topics.load()["decisions"],
    name="t",
    partitions=4,
    config={"retention.ms": "1000", "cleanup.policy": "compact,delete"},
)
AS_DECLARED = ActualTopic("t", 4, 1, {"retention.ms": "1000", "cleanup.policy": "delete,compact", "segment.ms": "7"})
UNKEYED = replace(DECLARED, key=Key.NONE)


def having(**other: Any) -> ActualTopic:
    """What the broker has, differing from what is declared in this."""
    return replace(AS_DECLARED, **other)


# (what the broker has, the declared topic, the flag, what the plan says)
CASES = [
    ("the same", AS_DECLARED, DECLARED, False, []),
    ("nothing", None, DECLARED, False,
     ["create t: 4 partitions, 1 replicas, cleanup.policy=compact,delete, retention.ms=1000"]),
    ("another value of a declared key", having(config={**AS_DECLARED.config, "retention.ms": "5"}), DECLARED, False,
     ["set t: retention.ms 5 -> 1000"]),
    ("another value of a key that is not declared", having(config={**AS_DECLARED.config, "segment.ms": "8"}), DECLARED,
     False, []),
    ("fewer partitions, no key", having(partitions=2), UNKEYED, False, ["grow t: partitions 2 -> 4"]),
    ("fewer partitions, keyed", having(partitions=2), DECLARED, False,
     ["refuse t: partitions 2 -> 4: keys would move to other partitions and lose their order;"
      " --grow-keyed does it all the same"]),
    ("fewer partitions, keyed, told to", having(partitions=2), DECLARED, True, ["grow t: partitions 2 -> 4"]),
    ("more partitions", having(partitions=8), DECLARED, True,
     ["refuse t: partitions 8 -> 4: a topic cannot shrink; declare more"]),
    ("more replicas", having(replicas=3), DECLARED, True,
     ["refuse t: replicas 3 -> 1: needs Kafka's own kafka-reassign-partitions"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("actual", "declared", "grow_keyed", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_plan_says_what_differs(
    actual: ActualTopic | None, declared: Topic, grow_keyed: bool, said: list[str]
) -> None:
    plan = topology.plan(Topics({"d": declared}, "local"), {"t": actual} if actual else {}, grow_keyed=grow_keyed)
    assert [str(item) for item in (*plan.changes, *plan.refusals)] == said
    assert plan.empty is (said == [])


def test_a_topic_that_is_not_declared_is_left_alone() -> None:
    plan = topology.plan(Topics({}, "local"), {"theirs": AS_DECLARED})
    assert plan.empty
