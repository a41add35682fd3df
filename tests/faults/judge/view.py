"""The world, indexed once for all checks: readable inputs, rows by place, messages decoded. Imports nothing of the product."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import prod
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from tests.faults.judge import oracle
from tests.faults.judge.oracle import Event, Unusable
from tests.faults.judge.snapshot import Record, Row, World, raw

K = TypeVar("K")
Place: TypeAlias = tuple[str, int, int]
Identity: TypeAlias = tuple[str, str]

PHYSICAL = {
    "auto_approved": "hitl.auto-approved",
    "pending_review": "hitl.pending-review",
    "decisions": "hitl.decisions",
    "dead_letters": "hitl.dead-letters",
}
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
SUBSETS_OF_MAX = 12
BEGINNINGS_MAX = 50_000
READ_MAX = 4_096


class Groups(dict[K, list[Row]], Generic[K]):
    """Rows by key; asking for a key that has none leaves no trace, so that a check cannot make up a patch."""

    def __missing__(self, key: K) -> list[Row]:
        return []


def grouped(rows: Iterable[Row], key: Callable[[Row], K]) -> Groups[K]:
    """The rows of each key, in the order given."""
    found: Groups[K] = Groups()
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def came_at(row: Row) -> datetime:
    """When others could see it; where the server does not keep that, when it is dated.

    A transaction dates everything with its beginning, so that it may have seen what is dated later than what it did.
    """
    return datetime.fromisoformat(row["committed_at"] or row.get("decided_at") or row["at"])


class Violation(NamedTuple):
    """One thing that is not as it must be."""

    kind: str
    detail: str


class Kept(NamedTuple):
    """One message as the outbox once held it; `body` is what must lie on the topic, byte for byte."""

    shard: int
    id: int
    body: tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


class Announced(NamedTuple):
    """A published CloudEvent, repeats dropped."""

    record: Record
    envelope: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.envelope["data"])


def place_of(row: Row) -> Place:
    return row["topic"], row["partition"], row["record_offset"]


def hexed(text: str | None) -> str | None:
    """A bytea of a row as plain hex."""
    return None if text is None else text.removeprefix("\\x")


def body(record: Record) -> tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]:
    """What was recorded of it: that it is a whole CloudEvent is said of an event when it is published; 0.1.0 never said it."""
    headers = () if record.headers == STRUCTURED and record.topic != PHYSICAL["dead_letters"] else record.headers
    return record.topic, record.key, record.value, headers


class View:
    """Indexes over a World; nothing here judges."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = world.tables

    @cached_property
    def inputs(self) -> dict[Place, Record]:
        return {record.place: record for record in self.world.inputs}

    @cached_property
    def events(self) -> dict[Place, Event | Unusable]:
        """Every input, as the oracle reads it."""
        return {place: _read(r.topic, r.value, r.headers) for place, r in self.inputs.items()}

    @cached_property
    def applied(self) -> Groups[Place]:
        """Rows of evidence and outcome by the place they say they came from."""
        return grouped([*self.rows["evidence"], *self.rows["outcome"]], place_of)

    @cached_property
    def dead(self) -> Groups[Place]:
        return grouped(self.rows["dead_letter"], place_of)

    @cached_property
    def applied_by_identity(self) -> Groups[Identity]:
        rows = [*self.rows["evidence"], *self.rows["outcome"]]
        return grouped(rows, lambda row: (row["source"], row["event_id"]))

    @cached_property
    def kept(self) -> list[Kept]:
        """Everything that the outbox ever held, in publishing order per shard."""
        return [
            Kept(row["shard"], row["id"], message)
            for row in sorted(self.rows["spy_outbox"], key=lambda r: (r["shard"], r["id"]))
            for message in _unpacked(row["messages"])
        ]

    @cached_property
    def announced(self) -> dict[str, list[Announced]]:
        """CloudEvents per output topic in the order of their offsets, each distinct message once."""
        found: dict[str, list[Announced]] = {topic: [] for topic in PHYSICAL.values()}
        seen = set()
        for record in sorted(self.world.outputs, key=lambda r: r.place):
            if record.topic != PHYSICAL["dead_letters"] and body(record) not in seen:
                seen.add(body(record))
                found[record.topic].append(Announced(record, json.loads(record.value or b"{}")))
        return found

    @cached_property
    def decisions(self) -> Groups[str]:
        """Decision rows per patch, by seq."""
        rows = sorted(self.rows["decision"], key=lambda row: int(row["seq"]))
        return grouped(rows, lambda row: str(row["patch_id"]))

    @cached_property
    def rounds(self) -> dict[tuple[str, int], Row]:
        """Every round, current or closed."""
        return {(row["patch_id"], row["round"]): row for row in [*self.rows["round_closed"], *self.rows["patch"]]}

    @cached_property
    def round_evidence(self) -> Groups[tuple[str, int]]:
        return grouped(self.rows["evidence"], lambda row: (row["patch_id"], row["round"]))

    @cached_property
    def votes(self) -> Groups[tuple[str, int]]:
        """Votes for the decision that they were for."""
        return grouped(self.rows["vote"], lambda row: (row["patch_id"], row["seq"]))

    @cached_property
    def course(self) -> Groups[str]:
        """Every version that a patch ever had, the first included."""
        return grouped(sorted(self.rows["spy_patch"], key=lambda row: int(row["id"])), lambda row: str(row["patch_id"]))

    @cached_property
    def moves(self) -> Groups[tuple[str, datetime]]:
        """Every change of a patch's version in the transaction that left this moment on it."""
        changed = [row for row in self.rows["spy_patch"] if row["before"] is not None]
        of_transaction = grouped(changed, lambda row: (row["patch_id"], row["xid"]))
        found: Groups[tuple[str, datetime]] = Groups()
        for (patch_id, _), rows in of_transaction.items():
            for at in {row["changed_at"] for row in rows}:
                found.setdefault((patch_id, datetime.fromisoformat(at)), []).extend(rows)
        return found

    @cached_property
    def has_older_release(self) -> bool:
        """Whether 0.1.0 took part."""
        return any(line["what"] == "older_release" for line in self.world.journal)

    @cached_property
    def apv_ids(self) -> dict[str, dict[str, datetime]]:
        """Of each patch every apv_id that one of its results names, with when that could be seen first."""
        found: dict[str, dict[str, datetime]] = {}
        for row in self.rows["evidence"]:
            for event in self.read_evidence([row]) if row["committed_at"] else ():
                since = datetime.fromisoformat(row["committed_at"])
                named = found.setdefault(row["patch_id"], {})
                named[event.data["apv_id"]] = min(since, named.get(event.data["apv_id"], since))
        return found

    @cached_property
    def kin(self) -> dict[str, dict[str, datetime | None]]:
        """Of each apv_id the patches that are of it, with when a later result could be seen to say so; None for the first."""
        found: dict[str, dict[str, datetime | None]] = {}
        for row in (*self.rows["patch"], *self.rows["decision"]):
            found.setdefault(row["apv_id"], {})[row["patch_id"]] = None
        for patch_id, named in self.apv_ids.items():
            for apv_id, since in named.items():
                found.setdefault(apv_id, {}).setdefault(patch_id, since)
        return found

    @cached_property
    def rejections(self) -> Groups[str]:
        """Rejections by the patch that was rejected."""
        return grouped(self._rejections(), lambda row: str(row["patch_id"]))

    @cached_property
    def rejected(self) -> Groups[str | None]:
        """Rejections by the diff that was rejected."""
        return grouped(self._rejections(), lambda row: row["patch_digest"])

    def _rejections(self) -> Iterable[Row]:
        return (row for row in self.rows["decision"] if row["decision"] == "rejected")

    def policy(self, version: int) -> Row:
        """What stands in the document of that version."""
        return next(dict(row["document"]) for row in self.rows["policy_document"] if row["version"] == version)

    def read_evidence(self, rows: Iterable[Row]) -> list[Event]:
        """The raw inputs behind evidence rows, those that can be read."""
        found = (self.events.get(place_of(row)) for row in rows)
        return [event for event in found if isinstance(event, Event)]

    def decided_on(self, decision: Row) -> list[Event] | None:
        """The results whose evidence digest the decision carries, None when no set of its round's results has it.

        The order of batches is not recorded to the microsecond, so any set of the round's results will do.
        """
        rows = self.round_evidence[decision["patch_id"], decision["round"]]
        events = {place_of(row): event for row in rows for event in self.read_evidence([row])}
        lines = {place: (event.source, event.id, oracle.sha256(event.payload)) for place, event in events.items()}
        wanted = hexed(decision["evidence_digest"])
        for subset in sets_of([row for row in rows if place_of(row) in events]):
            places = [place_of(row) for row in subset]
            if oracle.evidence_digest(lines[place] for place in places) == wanted:
                return [events[place] for place in places]
        return None


def sets_of(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    """Sets of evidence that there may have been at some time, the largest first: of few any, of many every one that is a
    beginning of each partition, and of very many every beginning of all."""
    ordered = sorted(rows, key=lambda row: (datetime.fromisoformat(row["received_at"]), row["record_offset"]))
    if len(ordered) <= SUBSETS_OF_MAX:
        for size in range(len(ordered), 0, -1):
            yield from combinations(ordered, size)
        return
    lanes = [*grouped(ordered, lambda row: (row["topic"], row["partition"])).values()]
    if prod(len(lane) + 1 for lane in lanes) > BEGINNINGS_MAX:
        lanes = [ordered]
    for sizes in product(*(range(len(lane), -1, -1) for lane in lanes)):
        if any(sizes):
            yield [row for lane, size in zip(lanes, sizes, strict=True) for row in lane[:size]]


@lru_cache(READ_MAX)
def _read(topic: str, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]) -> Event | Unusable:
    """Remembered: the same small world is looked at again and again, each time with other damage."""
    try:
        return oracle.read(topic, value, headers)
    except Unusable as error:
        return error


def _unpacked(elements: Sequence[str | None]) -> Iterable[Any]:
    for start in range(0, len(elements), 4):
        logical, key, value, headers = (raw(element) for element in elements[start : start + 4])
        yield PHYSICAL[(logical or b"").decode()], key, value, unpacked_headers(headers or b"[]")


def unpacked_headers(packed: bytes | str) -> tuple[tuple[str, bytes | None], ...]:
    """Headers as the product stores them: JSON [[name, base64 or null], …]."""
    return tuple((name, None if content is None else b64decode(content)) for name, content in json.loads(packed))
