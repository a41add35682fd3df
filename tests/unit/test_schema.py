"""schemas/*.json: what the models say today, nothing broken since the last release, and true of what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hitl_stream.contract import compatibility, schema, topics
from hitl_stream.contract.compatibility import Direction

FOLDER = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize("name", schema.TYPES)
def test_the_committed_schema_is_what_the_models_say(name: str) -> None:
    committed = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert committed == schema.text(schema.generate()[name]), "run `make schemas`"


def test_no_schema_is_left_over() -> None:
    assert schema.read(FOLDER).keys() == schema.TYPES.keys()


@pytest.mark.parametrize("name", schema.TYPES)
def test_a_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(schema.generate()[name])


@pytest.mark.parametrize("name", schema.TYPES)
def test_the_compatibility_check_understands_every_keyword_we_use(name: str) -> None:
    assert set(keywords(schema.generate()[name])) <= compatibility.UNDERSTOOD


def keywords(node: Any) -> Iterator[str]:
    """Every keyword of a schema and of its parts."""
    for keyword, value in node.items():
        yield keyword
        if keyword in ("properties", "$defs"):
            parts = list(value.values())
        elif keyword in ("anyOf", "oneOf"):
            parts = value
        else:
            parts = [value] if keyword in ("items", "additionalProperties") and isinstance(value, dict) else []
        for part in parts:
            yield from keywords(part)


def test_nothing_is_broken_since_the_last_release() -> None:
    release = schema.last_release(FOLDER)
    assert release is not None
    broken = compatibility.breaks(schema.read(release), schema.generate(), schema.DIRECTIONS)
    assert not broken, "\n".join(f"{name}: {item}" for name, items in broken.items() for item in items)


def test_every_event_that_a_topic_holds_has_a_schema_and_the_reverse() -> None:
    assert {topic.schema for topic in topics.load()} - {None} == schema.TYPES.keys()


def test_what_hitl_stream_owns_is_produced() -> None:
    for topic in topics.load():
        if topic.schema is not None:
            produced = schema.TYPES[topic.schema].direction is Direction.PRODUCED
            assert produced is (topic.owner == "hitl-stream")


def test_the_newest_release_is_the_highest_number(tmp_path: Path) -> None:
    assert schema.last_release(tmp_path) is None
    for version in ("0.2.0", "0.10.0", "0.9.1"):
        (tmp_path / "released" / version).mkdir(parents=True)
    found = schema.last_release(tmp_path)
    assert found is not None
    assert found.name == "0.10.0"


def test_all_files_are_written_and_a_release_is_kept(tmp_path: Path) -> None:
    schema.main(["--write", str(tmp_path), "--release", "1.0.0"])
    assert schema.read(tmp_path) == schema.read(tmp_path / "released" / "1.0.0") == schema.generate()
    assert (tmp_path / "asyncapi.yaml").exists()
