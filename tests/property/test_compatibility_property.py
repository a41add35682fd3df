"""The compatibility check against its meaning: where it sees no narrowing, what was valid stays valid."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hitl_stream.contract import compatibility
from hitl_stream.contract.compatibility import Difference, Effect

Schema = dict[str, Any]
Pair = tuple[Schema, Schema]

NAMES = ("a", "b")
VALUES = ("low", "high", None, 0, 1)
MIRRORED = {Effect.NARROWER: Effect.WIDER, Effect.WIDER: Effect.NARROWER, Effect.OTHER: Effect.OTHER}


def bounds(lower: str, upper: str) -> st.SearchStrategy[Schema]:
    """Any of both bounds, also contradicting ones."""
    return st.fixed_dictionaries({}, optional={lower: st.integers(0, 3), upper: st.integers(0, 3)})


LEAVES = (
    bounds("minLength", "maxLength").map(lambda limits: {"type": "string", **limits}),
    bounds("minimum", "maximum").map(lambda limits: {"type": "integer", **limits}),
    bounds("minimum", "maximum").map(lambda limits: {"type": "number", **limits}),
    bounds("minimum", "maximum").map(lambda limits: {"anyOf": [{"type": "integer", **limits}, {"type": "null"}]}),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True).map(lambda values: {"enum": values}),
    st.sampled_from(({}, {"type": "null"}, {"type": "boolean"}, {"type": ["string", "null"]})),
)


def composed(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Pairs of objects with both fields, and pairs of lists."""
    names = st.sets(st.sampled_from(NAMES)).map(sorted)
    limits = bounds("minItems", "maxItems")
    return st.one_of(
        st.builds(
            lambda a, b, needed, open_: tuple(
                {
                    "type": "object",
                    "properties": {"a": a[side], "b": b[side]},
                    "required": needed[side],
                    "additionalProperties": open_[side],
                }
                for side in (0, 1)
            ),
            parts,
            parts,
            st.tuples(names, names),
            st.tuples(st.booleans(), st.booleans()),
        ),
        st.builds(
            lambda items, limits: tuple({"type": "array", "items": items[side], **limits[side]} for side in (0, 1)),
            parts,
            st.tuples(limits, limits),
        ),
    )


# Most pairs are of one kind: of two that have nothing in common there is nothing to learn.
KIN: st.SearchStrategy[Pair] = st.recursive(
    st.one_of(*[st.tuples(kind, kind) for kind in LEAVES], st.tuples(st.one_of(*LEAVES), st.one_of(*LEAVES))),
    composed,
    max_leaves=3,
)
PAIRS = st.one_of(KIN, KIN, st.tuples(KIN, KIN).map(lambda two: (two[0][0], two[1][1])))
SCALARS: list[Any] = [None, True, False, -1, 0, 1, 2, 3, 4, 0.5, 2.5, "", "a", "abc", "low", "high"]
ARRAYS: list[Any] = [[], [None], [1], [2.5], ["low"], [0, 3], ["a", "abc"], [1, "low", None], [1, 1, 1, 1]]
OBJECTS: list[Any] = [
    {name: value for name, value in (("a", a), ("b", b), ("unknown", other)) if value != ...}
    for a in (..., None, 1, "low", [1])
    for b in (..., 0, "abc", {"a": 1})
    for other in (..., True)
]
CORPUS: list[Any] = [*SCALARS, *ARRAYS, *OBJECTS, *([item] for item in OBJECTS), *({"a": item} for item in OBJECTS)]


@given(PAIRS)
def test_a_schema_does_not_differ_from_itself(pair: Pair) -> None:
    assert compatibility.differences(pair[0], pair[0]) == []


@given(PAIRS)
def test_what_is_narrower_one_way_is_wider_the_other(pair: Pair) -> None:
    old, new = pair
    there = {(item.path, item.effect) for item in lasting(old, new)}
    back = {(item.path, MIRRORED[item.effect]) for item in lasting(new, old)}
    assert there == back


def lasting(old: Schema, new: Schema) -> list[Difference]:
    """Differences but for fields that come or go: adding one is harmless, taking one away is not."""
    return [item for item in compatibility.differences(old, new) if " field" not in item.what]


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@given(PAIRS)
def test_without_a_narrowing_what_was_valid_stays_valid(pair: Pair) -> None:
    old, new = pair
    found = compatibility.differences(old, new)
    assume(all(item.effect is Effect.WIDER for item in found))
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    for value in CORPUS:
        assert after.is_valid(value) or not before.is_valid(value), (value, found)
