"""topics.yaml: what is merged from where, and what is refused with which words."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hitl_stream.contract import topics
from hitl_stream.contract.topics import Key, TopicsInvalid

SOUND: dict[str, Any] = {
    "defaults": {"partitions": 12, "replicas": 3, "config": {"min.insync.replicas": 2, "max.message.bytes": 1_048_588}},
    "environments": {
        "local": {"partitions": 4, "replicas": 1, "config": {"min.insync.replicas": 1}},
        "production": {"topics": {"orders": {"partitions": 24, "config": {"retention.ms": 1000}}}},
    },
    "topics": {
        "orders": {
            "name": "shop.orders", "owner": "shop", "key": "patch_id", "schema": "order.v1",
            "producers": ["shop"], "consumers": ["till"], "deadLetter": "dead",
        },
        "dead": {
            "name": "shop.dead", "owner": "till", "key": "original", "schema": None, "partitions": 2,
            "producers": ["till"], "consumers": [],
            "config": {"max.message.bytes": 2_097_164, "preallocate": True},
        },
    },
}  # fmt: skip


def write(folder: Path, content: Any) -> Path:
    """A topics file with this content."""
    path = folder / "topics.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sound file with one member set, or removed where the value is `...`."""
    content: dict[str, Any] = copy.deepcopy(SOUND)
    *parents, last = path.split("/")
    place = content
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


def test_the_file_that_ships_is_sound_and_names_what_is_promised() -> None:
    names = {topic.logical: topic.name for topic in topics.load()}
    assert names == {
        "wargaming_results": "wargaming.results",
        "eureka_outcomes": "eureka.outcomes",
        "auto_approved": "hitl.auto-approved",
        "pending_review": "hitl.pending-review",
        "decisions": "hitl.decisions",
        "dead_letters": "hitl.dead-letters",
    }


@pytest.mark.parametrize("environment", ["local", "staging", "production"])
def test_the_file_that_ships_keeps_the_limits_of_the_contract(environment: str) -> None:
    for topic in topics.load(environment=environment):
        largest = 2_097_164 if topic.logical == "dead_letters" else 1_048_588
        assert topic.config["max.message.bytes"] == str(largest)
        assert (topic.replicas, topic.config["min.insync.replicas"]) == (
            (1, "1") if environment == "local" else (3, "2")
        )


def test_decisions_are_kept_longer_than_an_approval_holds() -> None:
    retention = topics.load()["decisions"].retention
    assert retention is not None
    assert retention > timedelta(days=2 * 30)


def test_the_most_particular_level_wins(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND)
    local, production = topics.load(path, "local"), topics.load(path, "production")
    assert (local["orders"].partitions, local["orders"].replicas) == (4, 1)
    assert (production["orders"].partitions, production["orders"].replicas) == (24, 3)
    assert local["dead"].partitions == 2  # the topic's own word goes before that of the environment
    assert local["dead"].config == {
        "min.insync.replicas": "1", "max.message.bytes": "2097164", "preallocate": "true",
    }  # fmt: skip
    assert production["orders"].config["retention.ms"] == "1000"


def test_names_are_found_in_both_directions(tmp_path: Path) -> None:
    found = topics.load(write(tmp_path, SOUND))
    assert found.physical("orders") == "shop.orders"
    assert found.logical("shop.orders") == "orders"
    assert [topic.logical for topic in found.all()] == ["orders", "dead"]
    assert (found["orders"].key, found["orders"].dead_letter) == (Key.PATCH_ID, "dead")
    with pytest.raises(KeyError):
        found.logical("of.somebody.else")


def test_an_unknown_environment_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TopicsInvalid, match=re.escape("no environment 'moon' (known: local, production)")):
        topics.load(write(tmp_path, SOUND), "moon")


# (what is wrong, where, the value there, the problem that is reported)
CASES = [
    ("an unknown member", "topics/orders/partitons", 3, "topics.orders.partitons: unknown member"),
    ("an unknown member at the top", "topic", {}, "topic: unknown member"),
    ("no key", "topics/orders/key", ..., "topics.orders.key: is missing"),
    ("an unknown key", "topics/orders/key", "cve",
     "topics.orders.key: input should be 'patch_id', 'original' or 'none' (got 'cve')"),
    ("no schema said", "topics/orders/schema", ..., "topics.orders.schema: is missing"),
    ("no topics", "topics", {}, "topics: dictionary should have at least 1 item after validation, not 0"),
    ("an impossible name", "topics/orders/name", "shop orders",
     "topics.orders.name: string should match pattern '^[A-Za-z0-9._-]{1,249}$' (got 'shop orders')"),
    ("no replicas", "defaults/replicas", ...,
     "topics.orders.replicas: is missing, here and in defaults [in production]"),
    ("zero partitions", "topics/dead/partitions", 0,
     "topics.dead.partitions: input should be greater than or equal to 1 (got 0)"),
    ("partitions as text", "defaults/partitions", "12",
     "defaults.partitions: input should be a valid integer (got '12')"),
    ("two topics of one name", "topics/dead/name", "shop.orders",
     "topics.dead.name: shop.orders collides with topics.orders.name"),
    ("names that differ by a dot only", "topics/dead/name", "shop_orders",
     "topics.dead.name: shop_orders collides with topics.orders.name"),
    ("dead letters to nowhere", "topics/orders/deadLetter", "grave",
     "topics.orders.deadLetter: there is no topic 'grave'"),
    ("dead letters to itself", "topics/orders/deadLetter", "orders", "topics.orders.deadLetter: points to itself"),
    ("an unknown topic in an environment", "environments/local/topics", {"order": {}},
     "environments.local.topics.order: there is no such topic"),
    ("a misspelt setting", "topics/dead/config/retention.sm", 1,
     "topics.dead.config.retention.sm: Kafka knows no such topic setting"),
    ("a number that is none", "topics/dead/config/retention.ms", "7d",
     "topics.dead.config.retention.ms: must be a whole number (got '7d')"),
    ("as many in sync as there are", "environments/production/replicas", 2,
     "topics.orders.config.min.insync.replicas: 2 of 2 replicas stops all writes when one broker is down [in production]"),
    ("dead letters that do not fit", "topics/dead/config/max.message.bytes", 1_048_588,
     "topics.dead.config.max.message.bytes: 1048588 does not hold the largest record of orders (1048588)"
     " and 65536 bytes of headers"),
    ("an unbounded source of dead letters", "defaults/config/max.message.bytes", ...,
     "topics.orders.config.max.message.bytes: must be declared, its dead letters have to fit"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "problem"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_unsound_file_is_refused_by_path(tmp_path: Path, place: str, value: Any, problem: str) -> None:
    with pytest.raises(TopicsInvalid) as raised:
        topics.load(write(tmp_path, changed(place, value)))
    assert problem in raised.value.problems


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    content = changed("topics/orders/key", ...)
    content["topics"]["dead"]["owner"] = 7
    with pytest.raises(TopicsInvalid) as raised:
        topics.load(write(tmp_path, content))
    assert len(raised.value.problems) == 2


def test_a_member_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    text = yaml.safe_dump(SOUND, sort_keys=False) + "\ntopics: {}\n"
    with pytest.raises(TopicsInvalid, match="member 'topics' is written twice"):
        topics.load(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "\t"])
def test_what_is_no_topics_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TopicsInvalid):
        topics.load(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopicsInvalid, match="cannot be read"):
        topics.load(tmp_path / "none.yaml")
