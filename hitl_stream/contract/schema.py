"""JSON Schemas of every event, generated from the models and committed under `schemas/`.

`python -m hitl_stream.contract.schema --write schemas` writes them, and asyncapi.yaml; a test compares. With
`--release VERSION` a copy is kept, against which later ones are checked for what they break.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from hitl_stream.contract import message, model
from hitl_stream.contract.compatibility import Direction

DIALECT = "https://json-schema.org/draft/2020-12/schema"
RELEASED = "released"


class WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles that repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event: its CloudEvents type, which way it goes, and the models of all of it and of its data."""

    name: str
    direction: Direction
    model: type[BaseModel]
    data: type[BaseModel]

    @property
    def summary(self) -> str:
        """What the event says, in the first line of its data's model."""
        return (self.data.__doc__ or "").strip().splitlines()[0]


TYPES: Mapping[str, EventType] = {
    event.name: event
    for event in (
        EventType(model.RESULT_TYPE, Direction.CONSUMED, model.WargamingResult, model.WargamingResultData),
        EventType(model.OUTCOME_TYPE, Direction.CONSUMED, model.EurekaOutcome, model.EurekaOutcomeData),
        EventType(message.AUTO_APPROVED_TYPE, Direction.PRODUCED, message.AutoApproved, message.DecisionData),
        EventType(message.PENDING_REVIEW_TYPE, Direction.PRODUCED, message.PendingReview, message.PendingReviewData),
        EventType(message.DECISION_TYPE, Direction.PRODUCED, message.Decision, message.DecisionData),
    )
}
DIRECTIONS: Mapping[str, Direction] = {name: event.direction for name, event in TYPES.items()}


def generate() -> dict[str, dict[str, Any]]:
    """The schema of every event in structured mode, by type."""
    return {name: _schema(event) for name, event in TYPES.items()}


def text(schema: Mapping[str, Any]) -> str:
    """A schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The schemas in a folder, by event type."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def last_release(folder: Path) -> Path | None:
    """The copy kept at the newest release, None before the first."""
    releases = [path for path in (folder / RELEASED).glob("*") if path.is_dir()]
    return max(releases, key=lambda path: [int(part) for part in path.name.split(".")], default=None)


def _schema(event: EventType) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": f"urn:hitl-stream:schema:{event.name}",
        **event.model.model_json_schema(schema_generator=WithoutTitles),
    }


def _write(folder: Path, release: str | None) -> None:
    from hitl_stream.contract import asyncapi, topics

    targets = [folder] if release is None else [folder, folder / RELEASED / release]
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
        for name, schema in generate().items():
            (target / f"{name}.json").write_text(text(schema), encoding="utf-8")
    described = asyncapi.document_text(topics.load(environment="production"))
    (folder / "asyncapi.yaml").write_text(described, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Write the generated files."""
    parser = argparse.ArgumentParser(description="Write the JSON Schemas and asyncapi.yaml.")
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--release", metavar="VERSION", help="also keep a copy of the schemas for this release")
    given = parser.parse_args(arguments)
    _write(given.write, given.release)


if __name__ == "__main__":
    main(sys.argv[1:])
