"""What a change of the schemas breaks, and for whom, by path. Compares JSON Schemas; knows no models.

A consumed event must go on accepting what producers send: narrower breaks. A produced event must stay within what
consumers were promised: wider breaks. A field that goes away, or means something else, breaks both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]
Schemas = Mapping[str, Schema]


class Direction(StrEnum):
    """Which way an event crosses our border."""

    CONSUMED = "consumed"
    PRODUCED = "produced"


class Effect(StrEnum):
    """What a difference does to the set of accepted messages."""

    NARROWER = "narrower"
    WIDER = "wider"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two schemas."""

    path: str
    effect: Effect
    what: str

    def __str__(self) -> str:
        return f"{self.path or 'the event'}: {self.what}"


_HARMLESS = {Direction.CONSUMED: Effect.WIDER, Direction.PRODUCED: Effect.NARROWER}
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_JSON_NAMES = dict(zip((type(None), bool, int, float, str, list, dict), _TYPES, strict=True))
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_MARKS = ("pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType", "not")
_WORDS = ("title", "description", "examples", "$comment", "deprecated", "$schema", "$id", "$defs", "$ref", "default")
_SHAPE = ("type", "enum", "const", "anyOf", "oneOf", "properties", "required", "additionalProperties", "items")
UNDERSTOOD = frozenset((*_LOWER_BOUNDS, *_UPPER_BOUNDS, *_MARKS, *_WORDS, *_SHAPE))


def breaks(old: Schemas, new: Schemas, directions: Mapping[str, Direction]) -> dict[str, list[Difference]]:
    """What breaks, by event type; events without a break are left out, new events cannot break."""
    found: dict[str, list[Difference]] = {}
    for name, schema in old.items():
        if name not in new:
            found[name] = [Difference("", Effect.OTHER, "the event was removed")]
            continue
        harmless = _HARMLESS[directions[name]]
        broken = [item for item in differences(schema, new[name]) if item.effect is not harmless]
        if broken:
            found[name] = broken
    return found


def differences(old: Schema, new: Schema) -> list[Difference]:
    """Every difference that changes what is accepted or what it means; words and order do not count."""
    return list(dict.fromkeys(_Comparison(old, new).node(old, new, "")))


class _Comparison:
    """Walks two schemas side by side. A pair of definitions that is met again inside itself is not entered again."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._open: set[tuple[str, str]] = set()

    def node(self, old: Any, new: Any, path: str) -> Iterator[Difference]:
        """Compare what may stand at one path."""
        pair = (str(_as_schema(old).get("$ref")), str(_as_schema(new).get("$ref")))
        if pair in self._open:
            return
        if pair != ("None", "None"):
            self._open.add(pair)
        before, after = _by_type(old, self._old), _by_type(new, self._new)
        yield from _types(path, set(before), set(after))
        for kind in before:
            if kind in after:
                yield from self._variants(before[kind], after[kind], path)
            elif kind == "integer" and "number" in after:
                yield from self._variants(before[kind], after["number"], path)
            elif kind == "number" and "integer" in after:
                yield from self._variants(before[kind], after["integer"], path)
        yield from _default(path, _as_schema(old), _as_schema(new))
        self._open.discard(pair)

    def _variants(self, old: list[Schema], new: list[Schema], path: str) -> Iterator[Difference]:
        if len(old) == len(new):
            for before, after in zip(old, new, strict=True):
                yield from self._constraints(before, after, path)
        elif len(old) > len(new):
            yield Difference(path, Effect.NARROWER, f"{len(old) - len(new)} of {len(old)} alternatives were removed")
        else:
            yield Difference(path, Effect.WIDER, f"{len(new) - len(old)} alternatives were added")

    def _constraints(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        yield from _values(path, old, new)
        for name in _LOWER_BOUNDS:
            yield from _bound(path, name, old.get(name), new.get(name), lambda before, after: after > before)
        for name in _UPPER_BOUNDS:
            yield from _bound(path, name, old.get(name), new.get(name), lambda before, after: after < before)
        for name in _MARKS:
            yield from _mark(path, name, old.get(name), new.get(name))
        for name in sorted((old.keys() | new.keys()) - UNDERSTOOD):
            if old.get(name) != new.get(name):
                yield Difference(path, Effect.OTHER, f"{name} changed, which this check does not understand")
        if "properties" in old or "properties" in new or "additionalProperties" in old or "additionalProperties" in new:
            yield from self._members(old, new, path)
        if "items" in old or "items" in new:
            yield from self.node(old.get("items", {}), new.get("items", {}), f"{path}[]")

    def _members(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        before: Schema = old.get("properties", {})
        after: Schema = new.get("properties", {})
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            place = f"{path}.{name}".lstrip(".")
            if name not in after:
                yield Difference(place, Effect.OTHER, "the field was removed")
                continue
            if name in needed_after - needed_before:
                yield Difference(place, Effect.NARROWER, "became required")
            if name in needed_before - needed_after:
                yield Difference(place, Effect.WIDER, "is no longer always there")
            yield from self.node(before[name], after[name], place)
        for name in after.keys() - before.keys():
            place = f"{path}.{name}".lstrip(".")
            if name in needed_after:
                yield Difference(place, Effect.NARROWER, "a new field that is required")
            elif old.get("additionalProperties", True) is False:
                yield Difference(place, Effect.WIDER, "a new field where unknown fields were ruled out")
        yield from self._others(old.get("additionalProperties", True), new.get("additionalProperties", True), path)

    def _others(self, old: Any, new: Any, path: str) -> Iterator[Difference]:
        if old is not False and new is False:
            yield Difference(path, Effect.NARROWER, "unknown fields are no longer accepted")
        elif old is False and new is not False:
            yield Difference(path, Effect.WIDER, "unknown fields may now occur")
        elif old is not False and old != new:
            yield from self.node({} if old is True else old, {} if new is True else new, f"{path}.*".lstrip("."))


def _as_schema(node: Any) -> Schema:
    """`true` accepts everything, as the empty schema does."""
    return node if isinstance(node, Mapping) else {}


def _by_type(node: Any, root: Schema) -> dict[str, list[Schema]]:
    """The alternatives at a node, by JSON type, with references followed."""
    found: dict[str, list[Schema]] = {}
    for alternative in _alternatives(_as_schema(node), root):
        for kind in _types_of(alternative):
            found.setdefault(kind, []).append(alternative)
    return found


def _alternatives(node: Schema, root: Schema) -> Iterator[Schema]:
    if "$ref" in node:
        target: Any = root
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from _alternatives({**target, **{key: value for key, value in node.items() if key != "$ref"}}, root)
        return
    choices = node.get("anyOf") or node.get("oneOf")
    if not choices:
        yield node
        return
    for choice in choices:
        yield from _alternatives(_as_schema(choice), root)


def _types_of(node: Schema) -> tuple[str, ...]:
    declared = node.get("type")
    if isinstance(declared, str):
        return (declared,)
    if declared:
        return tuple(declared)
    values = node.get("enum", [node["const"]] if "const" in node else None)
    if values is None:
        return _TYPES
    return tuple(sorted({_JSON_NAMES[type(value)] for value in values}))


def _types(path: str, old: set[str], new: set[str]) -> Iterator[Difference]:
    """Types that came or went; a number that becomes an integer is narrower, the reverse wider."""
    gone = {kind for kind in old - new if not (kind == "integer" and "number" in new)}
    come = {kind for kind in new - old if not (kind == "integer" and "number" in old)}
    if gone:
        yield Difference(path, Effect.NARROWER, f"{_listed(gone)} is no longer accepted (was {_listed(old)})")
    if come:
        yield Difference(path, Effect.WIDER, f"may now be {_listed(come)} (was {_listed(old)})")


def _listed(kinds: set[str]) -> str:
    return "anything" if kinds == set(_TYPES) else " or ".join(sorted(kinds))


def _values(path: str, old: Schema, new: Schema) -> Iterator[Difference]:
    before = old.get("enum", [old["const"]] if "const" in old else None)
    after = new.get("enum", [new["const"]] if "const" in new else None)
    if before is None and after is not None:
        yield Difference(path, Effect.NARROWER, f"only {after} are accepted now")
    elif before is not None and after is None:
        yield Difference(path, Effect.WIDER, f"is no longer limited to {before}")
    elif before is not None and after is not None:
        gone, come = [v for v in before if v not in after], [v for v in after if v not in before]
        if gone:
            yield Difference(path, Effect.NARROWER, f"values removed: {gone}")
        if come:
            yield Difference(path, Effect.WIDER, f"values added: {come}")


def _bound(path: str, name: str, old: Any, new: Any, tighter: Callable[[Any, Any], bool]) -> Iterator[Difference]:
    if old == new:
        return
    narrower = old is None or (new is not None and tighter(old, new))
    yield Difference(path, Effect.NARROWER if narrower else Effect.WIDER, f"{name} {_shown(old)} -> {_shown(new)}")


def _mark(path: str, name: str, old: Any, new: Any) -> Iterator[Difference]:
    if old == new:
        return
    effect = Effect.NARROWER if old is None else Effect.WIDER if new is None else Effect.OTHER
    yield Difference(path, effect, f"{name} {_shown(old)} -> {_shown(new)}")


def _default(path: str, old: Schema, new: Schema) -> Iterator[Difference]:
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield Difference(path, Effect.OTHER, f"means {new['default']!r} when it is missing (was {old['default']!r})")


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
