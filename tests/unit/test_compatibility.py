"""What a schema change breaks, and for whom. Each case: the old field, the new one, and what each side is told."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_stream.contract import compatibility
from hitl_stream.contract.compatibility import Direction

TEXT = {"type": "string"}
MAYBE_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}

# (what changes, old schema of the field "f", new one, told to producers of a consumed event, told to consumers)
FIELD_CASES = [
    ("nothing", TEXT, TEXT, None, None),
    ("only the description", TEXT, {**TEXT, "description": "other words", "title": "F"}, None, None),
    ("a number becomes a whole number", {"type": "number"}, {"type": "integer"},
     "f: number is no longer accepted (was number)", None),
    ("a whole number becomes any number", {"type": "integer"}, {"type": "number"},
     None, "f: may now be number (was integer)"),
    ("text becomes a number", TEXT, {"type": "number"},
     "f: string is no longer accepted (was string)", "f: may now be number (was string)"),
    ("null is allowed", TEXT, MAYBE_TEXT, None, "f: may now be null (was string)"),
    ("null is refused", MAYBE_TEXT, TEXT, "f: null is no longer accepted (was null or string)", None),
    ("a list of types is the same as alternatives", {"type": ["string", "null"]}, MAYBE_TEXT, None, None),
    ("anything becomes text", {}, TEXT,
     "f: array or boolean or integer or null or number or object is no longer accepted (was anything)", None),
    ("a value is removed", {"enum": ["low", "high"]}, {"enum": ["low"]}, "f: values removed: ['high']", None),
    ("a value is added", {"enum": ["low"]}, {"enum": ["low", "high"]}, None, "f: values added: ['high']"),
    ("a closed set opens", {"type": "string", "enum": ["low"]}, TEXT, None, "f: is no longer limited to ['low']"),
    ("an open text is closed", TEXT, {"type": "string", "enum": ["low"]}, "f: only ['low'] are accepted now", None),
    ("a constant changes", {"const": "v1"}, {"const": "v2"}, "f: values removed: ['v1']", "f: values added: ['v2']"),
    ("the maximum is lowered", {"type": "number", "maximum": 1}, {"type": "number", "maximum": 0.5},
     "f: maximum 1 -> 0.5", None),
    ("the maximum is raised", {"type": "number", "maximum": 1}, {"type": "number", "maximum": 2},
     None, "f: maximum 1 -> 2"),
    ("the minimum is raised", {"type": "number", "minimum": 0}, {"type": "number", "minimum": 1},
     "f: minimum 0 -> 1", None),
    ("the minimum is lowered to nothing", {"type": "number", "minimum": 0}, {"type": "number"},
     None, "f: minimum 0 -> none"),
    ("a length limit appears", TEXT, {**TEXT, "maxLength": 255}, "f: maxLength none -> 255", None),
    ("a pattern appears", TEXT, {**TEXT, "pattern": "^x"}, "f: pattern none -> ^x", None),
    ("a pattern changes", {**TEXT, "pattern": "^x"}, {**TEXT, "pattern": "^y"},
     "f: pattern ^x -> ^y", "f: pattern ^x -> ^y"),
    ("a format goes", {**TEXT, "format": "date-time"}, TEXT, None, "f: format date-time -> none"),
    ("items are narrowed", {"type": "array", "items": {}}, {"type": "array", "items": {"type": "string"}},
     "f[]: array or boolean or integer or null or number or object is no longer accepted (was anything)", None),
    ("items of a map are widened",
     {"type": "object", "additionalProperties": {"type": "number"}},
     {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
     None, "f.*: may now be string (was number)"),
    ("unknown fields are ruled out", {"type": "object"}, {"type": "object", "additionalProperties": False},
     "f: unknown fields are no longer accepted", None),
    ("what missing means changes", {"type": "boolean", "default": False}, {"type": "boolean", "default": True},
     "f: means True when it is missing (was False)", "f: means True when it is missing (was False)"),
    ("values are ruled out", TEXT, {**TEXT, "not": {"enum": ["."]}}, "f: not none -> {'enum': ['.']}", None),
    ("something that is not understood changes", {"type": "array"}, {"type": "array", "contains": {"const": 1}},
     "f: contains changed, which this check does not understand",
     "f: contains changed, which this check does not understand"),
    ("an alternative goes",
     {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "string", "pattern": "^x"}]}, {"type": "string", "maxLength": 3},
     "f: 1 of 2 alternatives were removed", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "producer", "consumer"), [c[1:] for c in FIELD_CASES], ids=[c[0] for c in FIELD_CASES]
)
def test_a_changed_field_breaks_the_side_that_relied_on_it(
    old: dict[str, Any], new: dict[str, Any], producer: str | None, consumer: str | None
) -> None:
    check({"f": old}, {"f": new}, Direction.CONSUMED, producer)
    check({"f": old}, {"f": new}, Direction.PRODUCED, consumer)


# (what changes, old properties, old required, new properties, new required, told to producers, told to consumers)
MEMBER_CASES = [
    ("an optional field is added", {}, [], {"f": TEXT}, [], None, None),
    ("a required field is added", {}, [], {"f": TEXT}, ["f"], "f: a new field that is required", None),
    ("a field is removed", {"f": TEXT}, ["f"], {}, [], "f: the field was removed", "f: the field was removed"),
    ("a field becomes required", {"f": TEXT}, [], {"f": TEXT}, ["f"], "f: became required", None),
    ("a field becomes optional", {"f": TEXT}, ["f"], {"f": TEXT}, [], None, "f: is no longer always there"),
]


@pytest.mark.parametrize("case", MEMBER_CASES, ids=[case[0] for case in MEMBER_CASES])
def test_members_may_be_added_but_not_taken_away(case: tuple[Any, ...]) -> None:
    _, old, old_required, new, new_required, producer, consumer = case
    check(old, new, Direction.CONSUMED, producer, old_required, new_required)
    check(old, new, Direction.PRODUCED, consumer, old_required, new_required)


def check(
    old: dict[str, Any],
    new: dict[str, Any],
    direction: Direction,
    expected: str | None,
    old_required: list[str] | None = None,
    new_required: list[str] | None = None,
) -> None:
    """Compare two events that differ in these members; `expected` is what is said of it, None for no break."""
    found = compatibility.breaks(
        {"e": {"type": "object", "properties": old, "required": old_required or []}},
        {"e": {"type": "object", "properties": new, "required": new_required or []}},
        {"e": direction},
    )
    assert [str(item) for item in found.get("e", [])] == ([] if expected is None else [expected])


def nested(leaf: dict[str, Any]) -> dict[str, Any]:
    """An event with a definition that contains itself."""
    return {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"leaf": leaf, "parts": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
                "required": ["leaf"],
            }
        },
    }


def test_a_break_deep_inside_is_named_by_its_path() -> None:
    def event(leaf: dict[str, Any]) -> dict[str, Any]:
        item = {"type": "object", "properties": {"leaf": leaf}}
        return {"type": "object", "properties": {"data": {"type": "array", "items": item}}}

    found = compatibility.breaks({"e": event(TEXT)}, {"e": event({"type": "null"})}, {"e": Direction.CONSUMED})
    assert [item.path for item in found["e"]] == ["data[].leaf"]


def test_definitions_that_contain_themselves_are_compared_once() -> None:
    found = compatibility.differences(nested(TEXT), nested(MAYBE_TEXT))
    assert [str(item) for item in found] == ["leaf: may now be null (was string)"]


def test_a_definition_under_another_name_is_no_difference() -> None:
    renamed = nested(TEXT)
    renamed = {"$ref": "#/$defs/Other", "$defs": {"Other": renamed["$defs"]["Node"]}}
    renamed["$defs"]["Other"]["properties"]["parts"]["items"] = {"$ref": "#/$defs/Other"}
    assert compatibility.differences(nested(TEXT), renamed) == []


def test_removing_an_event_breaks_and_adding_one_does_not() -> None:
    found = compatibility.breaks({"old.v1": TEXT}, {"new.v1": TEXT}, {"old.v1": Direction.PRODUCED})
    assert [str(item) for item in found["old.v1"]] == ["the event: the event was removed"]
    assert "new.v1" not in found
