"""schemas/asyncapi.yaml: valid AsyncAPI, complete, and what the code says today."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from hitl_stream.commands.topics import app
from hitl_stream.contract import asyncapi, topics

ROOT = Path(__file__).parents[2]
SPECIFICATION = json.loads((ROOT / "tests/data/asyncapi/3.1.0.json").read_text(encoding="utf-8"))

Node = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Node:
    """The document as generated now, read back from its text."""
    found: Node = yaml.safe_load(asyncapi.document_text(topics.load(environment="production")))
    return found


def problems(document: Node) -> list[str]:
    """What AsyncAPI's own schema says against a document."""
    return [error.message for error in Draft7Validator(SPECIFICATION).iter_errors(document)]


def test_the_committed_file_is_what_the_code_says() -> None:
    committed = (ROOT / "schemas/asyncapi.yaml").read_text(encoding="utf-8")
    assert committed == asyncapi.document_text(topics.load(environment="production")), "run `make schemas`"


def test_the_command_prints_the_committed_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HITL_TOPICS_FILE", "HITL_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    printed = CliRunner().invoke(app, ["export", "--to", "asyncapi"])
    assert printed.exit_code == 0
    assert printed.output == (ROOT / "schemas/asyncapi.yaml").read_text(encoding="utf-8")


def test_the_document_is_valid(document: Node) -> None:
    assert problems(document) == []


WRONG: dict[str, Callable[[Node], object]] = {
    "an action that does not exist": lambda d: d["operations"]["send_decisions"].update(action="emit"),
    "no version": lambda d: d.pop("asyncapi"),
    "a member that does not exist": lambda d: d["channels"]["decisions"].update(adress="x"),
    "a partition count as text": lambda d: d["channels"]["decisions"]["bindings"]["kafka"].update(partitions="12"),
}


@pytest.mark.parametrize("damage", WRONG.values(), ids=WRONG)
def test_a_damaged_document_is_found(document: Node, damage: Callable[[Node], object]) -> None:
    damaged = copy.deepcopy(document)
    damage(damaged)
    assert problems(damaged)


def test_every_reference_leads_somewhere(document: Node) -> None:
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in place, reference
            place = place[part]


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_topic_is_a_channel_that_is_read_or_written(document: Node) -> None:
    for topic in topics.load(environment="production"):
        channel = document["channels"][topic.logical]
        assert channel["address"] == topic.name
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        action = "send" if topic.owner == "hitl-stream" else "receive"
        assert document["operations"][f"{action}_{topic.logical}"]["action"] == action


def test_consumed_events_are_described_in_both_modes(document: Node) -> None:
    binary = document["components"]["messages"]["wargaming.result.v1.binary"]
    event = document["components"]["schemas"]["WargamingResult"]
    assert document["components"]["messages"]["wargaming.result.v1"]["payload"]["$ref"].endswith("/WargamingResult")
    assert binary["payload"] == event["properties"]["data"]
    assert set(binary["headers"]["required"]) == {"ce_specversion", "ce_id", "ce_source", "ce_type"}
