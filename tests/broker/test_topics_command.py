"""`hitl-stream topics` against a real Apache Kafka: makes what is declared, touches nothing else."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any
from uuid import uuid4

import psutil
import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import ConfigResource, ResourceType
from typer.testing import CliRunner

from hitl_stream.broker import admin
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.topology import Configure, Grow
from hitl_stream.commands.topics import app
from hitl_stream.contract import topics
from hitl_stream.contract.topic_rule import CONFIG_KEYS
from hitl_stream.contract.topics import Topics

Content = dict[str, Any]


class Declared:
    """A topics file of its own, with names that no other test uses."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "topics.yaml"
        self.prefix = f"t{uuid4().hex[:8]}."
        self.content: Content = yaml.safe_load(topics.default_path().read_text(encoding="utf-8"))
        for entry in self.content["topics"].values():
            entry["name"] = self.prefix + entry["name"]
        self.write()

    def write(self) -> None:
        """Save what `content` says now."""
        self.path.write_text(yaml.safe_dump(self.content), encoding="utf-8")

    def change(self, logical: str, **members: Any) -> None:
        """Declare something else of a topic; `config` is merged."""
        entry = self.content["topics"][logical]
        entry.update({**members, "config": {**entry.get("config", {}), **members.get("config", {})}})
        self.write()

    def load(self) -> Topics:
        """The file as the product sees it."""
        return topics.load(self.path)


@pytest.fixture
def declared(tmp_path: Path, kafka: str, monkeypatch: pytest.MonkeyPatch) -> Declared:
    """A sound file whose topics do not exist, and an environment that points to it and to a real broker."""
    file = Declared(tmp_path)
    monkeypatch.setenv("HITL_TOPICS_FILE", str(file.path))
    monkeypatch.setenv("HITL_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.delenv("HITL_ENVIRONMENT", raising=False)
    return file


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    """The way to the real broker."""
    return KafkaConnection(kafka)


def run(*arguments: str, exit_code: int = 0) -> str:
    """Run the command; returns what it printed."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result.output


def test_plan_says_what_apply_does_and_changes_nothing(declared: Declared, connection: KafkaConnection) -> None:
    names = [topic.name for topic in declared.load()]
    planned = run("plan")
    assert admin.partition_counts(connection, names) == {}
    assert run("apply") == planned
    assert admin.partition_counts(connection, names) == dict.fromkeys(names, 4)
    assert run("plan") == run("apply") == "nothing to do\n"
    assert run("verify") == "the broker is as declared\n"


def test_a_topic_is_made_with_all_that_is_declared(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    for topic in declared.load():
        actual = admin.describe(connection, [topic.name])[topic.name]
        assert (actual.partitions, actual.replicas) == (topic.partitions, topic.replicas)
        assert {key: actual.config[key] for key in topic.config} == topic.config


def test_only_declared_keys_are_ever_set(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    topic = declared.load()["decisions"]
    by_hand = Configure(topic, "max.compaction.lag.ms", None, "12345")
    assert admin.carry_out(connection, [by_hand]) == []
    assert run("verify") == "the broker is as declared\n"
    declared.change("decisions", config={"retention.ms": 1_000_000})
    assert run("verify", exit_code=1) == f"set {topic.name}: retention.ms 7776000000 -> 1000000\n"
    run("apply")
    config = admin.describe(connection, [topic.name])[topic.name].config
    assert (config["max.compaction.lag.ms"], config["retention.ms"]) == ("12345", "1000000")


def test_a_keyed_topic_grows_only_when_told(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    declared.change("wargaming_results", partitions=6)
    name = declared.load()["wargaming_results"].name
    assert "--grow-keyed" in run("apply", exit_code=1)
    assert admin.partition_counts(connection, [name]) == {name: 4}
    assert run("plan", "--grow-keyed") == run("apply", "--grow-keyed") == f"grow {name}: partitions 4 -> 6\n"
    assert admin.partition_counts(connection, [name]) == {name: 6}


def test_a_topic_without_keys_grows(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    declared.change("auto_approved", partitions=5, key="none")
    name = declared.load()["auto_approved"].name
    assert run("apply") == f"grow {name}: partitions 4 -> 5\n"
    assert admin.partition_counts(connection, [name]) == {name: 5}


def test_nothing_shrinks_and_nothing_is_deleted(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    before = admin.topic_ids(connection, [topic.name for topic in declared.load()])
    declared.change("decisions", partitions=2)
    dropped = declared.content["topics"].pop("pending_review")["name"]
    declared.write()
    assert "a topic cannot shrink" in run("apply", "--grow-keyed", exit_code=1)
    assert admin.topic_ids(connection, before) == before
    assert admin.partition_counts(connection, [dropped]) == {dropped: 4}


def test_what_can_be_done_is_done_beside_what_is_refused(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    declared.change("wargaming_results", partitions=6)
    declared.content["topics"]["decisions"]["name"] += ".second"
    declared.write()
    created = declared.load()["decisions"].name
    assert f"create {created}" in run("apply", exit_code=1)
    assert admin.partition_counts(connection, [created]) == {created: 4}


def test_the_broker_checks_a_plan(declared: Declared) -> None:
    declared.change("decisions", replicas=3, config={"min.insync.replicas": 2})
    assert "failed: create" in run("plan", exit_code=1)
    assert "failed: create" in run("apply", exit_code=1)
    assert json.loads(run("plan", "--output", "json", exit_code=1))["failed"][0]["action"] == "create"


def test_many_may_apply_at_once(declared: Declared) -> None:
    command = [sys.executable, "-c", "from hitl_stream.commands.topics import app; app()", "apply", "--file"]
    started = [Popen([*command, declared.path], stdout=PIPE, stderr=STDOUT, text=True) for _ in range(3)]
    for process in started:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert run("verify") == "the broker is as declared\n"


def test_a_script_reads_what_was_planned(declared: Declared) -> None:
    plan = json.loads(run("plan", "--output", "json"))
    assert (plan["environment"], plan["refused"], plan["failed"]) == ("local", [], [])
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert json.loads(run("apply", "--output", "json")) == plan
    declared.change("decisions", config={"retention.ms": 5000})
    name = declared.load()["decisions"].name
    assert json.loads(run("plan", "--output", "json"))["changes"] == [
        {"action": "set", "topic": name, "key": "retention.ms", "before": "7776000000", "after": "5000"}
    ]


def test_every_setting_that_lint_knows_is_one_of_kafka_and_the_reverse(
    declared: Declared, connection: KafkaConnection
) -> None:
    run("apply")
    name = declared.load()["decisions"].name
    assert admin.describe(connection, [name])[name].config.keys() == CONFIG_KEYS


def test_a_topic_made_anew_has_another_id(declared: Declared, connection: KafkaConnection) -> None:
    names = [topic.name for topic in declared.load()]
    assert admin.topic_ids(connection, names) == {}
    run("apply")
    ids = admin.topic_ids(connection, names)
    assert ids.keys() == set(names)
    assert len({*ids.values()} - {None}) == len(names)


def test_watermarks_follow_what_is_written(declared: Declared, connection: KafkaConnection, kafka: str) -> None:
    run("apply")
    name = declared.load()["decisions"].name
    producer = Producer({"bootstrap.servers": kafka})
    for _ in range(3):
        producer.produce(name, b"x", partition=1)
    producer.flush(30)
    assert admin.watermarks(connection, [name, "of.nobody"]) == {name: {0: (0, 0), 1: (0, 3), 2: (0, 0), 3: (0, 0)}}


def test_a_question_to_the_broker_leaves_no_connection_and_no_thread_behind(connection: KafkaConnection) -> None:
    process = psutil.Process()
    admin.topic_ids(connection, ["t.nowhere"])
    gc.collect()
    gc.disable()
    try:
        descriptors, threads = process.num_fds(), process.num_threads()
        for _ in range(3):
            admin.topic_ids(connection, ["t.nowhere"])
        assert process.num_fds() <= descriptors  # clients of other tests may end meanwhile
        assert process.num_threads() <= threads
    finally:
        gc.enable()


def test_a_refused_order_is_told_with_the_reason(declared: Declared, connection: KafkaConnection) -> None:
    run("apply")
    topic = declared.load()["decisions"]
    shrink = Grow(topic, topic.partitions)
    ((change, why),) = admin.carry_out(connection, [shrink])
    assert change is shrink
    assert "partition" in why.lower()


def test_what_one_broker_does_not_know_yet_is_asked_for_again(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = KafkaConnection(kafka)
    session = admin._Session(connection)
    nowhere = ConfigResource(ResourceType.TOPIC, f"t{uuid4().hex}")
    with pytest.raises(admin.UnknownTopic):
        session.answer(session.client.describe_configs([nowhere])[nowhere])

    known, asked = admin._describe, []

    def late(session: Any, names: Any) -> Any:
        asked.append(names)
        if len(asked) < 3:
            raise admin.UnknownTopic("not here")
        return known(session, names)

    monkeypatch.setattr(admin, "_describe", late)
    assert admin.describe(connection, ["t.nowhere"]) == {}
    assert len(asked) == 3
    asked.clear()
    monkeypatch.setattr(admin, "SETTLE_TIMEOUT_S", -1.0)
    with pytest.raises(admin.UnknownTopic):
        admin.describe(connection, ["t.nowhere"])
