"""The list of open reviews: filtered by any combination, sorted five ways, page after page. Read only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from typing import Any

from asyncpg import Connection

from hitl_stream.store import statement

COUNT_MAX = 10_000
# A table beyond SAMPLED_FROM rows is sampled first, so many of its rows, and where that cannot tell, as many as come next; what
# is so many standard errors more is surely more.
SAMPLED_FROM, SAMPLES_ROWS, SURELY = 200_000, (1_500, 10_000), 5
FACETS_ROWS = 5_000  # that kinds of tags are estimated from
# Where a sample cannot say but finds no more than this likely, to sort them all is quicker than to count some and to walk then.
FEW_MAX = 2 * COUNT_MAX
ONE_OF_MAX = 3

# What a review is sorted by (points below zero, confidence, or microseconds since 1970), and its patch.
Place = tuple[float, str]
Row = dict[str, Any]


class Sort(StrEnum):
    """What comes first: the highest priority, the severest, the least certain, the oldest, the nearest time limit."""

    RISK = "risk"
    SEVERITY = "severity"
    CONFIDENCE = "confidence"
    AGE = "age"
    DEADLINE = "deadline"


_ORDERS: Mapping[Sort, str] = {
    Sort.RISK: "queue_by_priority",
    Sort.SEVERITY: "queue_by_severity",
    Sort.CONFIDENCE: "queue_by_confidence",
    Sort.AGE: "queue_by_age",
    Sort.DEADLINE: "queue_by_deadline",
}
# Before every review: keys are points above it, confidences, or microseconds since 1970 (no database is that old).
START: Place = (-2_000_000_000.0, "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reviews: all of the tags `every`, one of each list in `one_of` (at most ONE_OF_MAX), within the bounds.

    `severity` and `risk` as patches have them, `unknown` where there is none.

    `starts` begins an id, a package or a CVE, or the words of `said` stand in the summary. `claimed_by` holds the review;
    `needs_person` could give the approval that is missing, where somebody else has given one. It is the turn of `turn_of`:
    nobody else holds it, and they have not approved it.
    """

    severity: str | None = None
    risk: str | None = None
    every: Sequence[str] = ()
    one_of: Sequence[Sequence[str]] = ()
    confidence_min: float | None = None
    confidence_max: float | None = None
    opened_before: datetime | None = None
    starts: str | None = None
    said: str | None = None
    claimed_by: str | None = None
    unclaimed: bool = False
    needs_person: str | None = None
    turn_of: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list. `total` stops at COUNT_MAX + 1; `following` is where the next page starts."""

    rows: Sequence[Row]
    total: int
    following: Place | None


@dataclass(frozen=True, slots=True)
class Facets:
    """How many reviews have which tag, by kind of tag; exact while `total`, which stops behind it, is not above COUNT_MAX.

    Else they are of the first COUNT_MAX + 1, or among very many estimated from a sample, in which what is rare may be missing.
    """

    total: int
    counts: Mapping[str, Mapping[str, int]]


async def read_page(
    conn: Connection, wanted: Wanted, sort: Sort, after: Place | None, limit: int, offset: int = 0
) -> Page:
    """At most `limit` reviews behind `after`, in this order, at one moment.

    Many are read along the index of their order, few are all found, counted and sorted: whichever it is, little is read.
    """
    async with _reading(conn):
        arguments = await _arguments(conn, wanted)
        given = (*(after or START), limit + 1, *arguments, offset)
        size = await _size(conn)
        known = await _known_total(conn, wanted, arguments, size)
        many = known is not None and known > COUNT_MAX
        few = None if many else await _few(conn, given, sort, FEW_MAX if size > SAMPLED_FROM else COUNT_MAX)
        total, found = few or (COUNT_MAX + 1, await conn.fetch(statement.get(_ORDERS[sort]), *given))
        shown = found[:limit]
        await conn.execute(statement.get("plan_as_usual"))
        cards = await conn.fetch(statement.get("queue_cards"), [row["patch_id"] for row in shown])
    by_id = {card["patch_id"]: dict(card) for card in cards}
    following = (shown[-1]["key"], shown[-1]["patch_id"]) if len(found) > limit else None
    return Page(
        [by_id[row["patch_id"]] for row in shown if row["patch_id"] in by_id], min(total, COUNT_MAX + 1), following
    )


async def read_facets(conn: Connection, wanted: Wanted) -> Facets:
    """How many of the reviews that are wanted have which tag."""
    async with _reading(conn):
        arguments = await _arguments(conn, wanted)
        size = await _size(conn)
        total = await _known_total(conn, wanted, arguments, size)
        if total is None:
            total = await _count(conn, arguments)
        share = FACETS_ROWS / size if total > COUNT_MAX and size > SAMPLED_FROM else 1.0
        if share < 1:
            rows = await conn.fetch(statement.get("queue_facets_sample"), share * 100, *arguments)
        else:
            rows = await conn.fetch(statement.get("queue_facets"), COUNT_MAX + 1, *arguments)
    counts: dict[str, dict[str, int]] = {}
    for tag, reviews in rows:
        kind, _, value = tag.partition(":")
        counts.setdefault(kind, {})[value] = round(reviews / share)
    return Facets(total, counts)


@asynccontextmanager
async def _reading(conn: Connection) -> AsyncIterator[None]:
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute(statement.get("plan_for_values"))
        yield


async def _arguments(conn: Connection, wanted: Wanted) -> tuple[Any, ...]:
    """As the database's `is_wanted` takes them."""
    lists = [list(one) for one in wanted.one_of] + [[]] * (ONE_OF_MAX - len(wanted.one_of))
    bounds = (wanted.confidence_min, wanted.confidence_max, wanted.opened_before, _prefix(wanted), wanted.said)
    among = None if wanted.claimed_by is None else await _claimed(conn, wanted.claimed_by)
    if wanted.needs_person is not None:
        needing: list[str] = await conn.fetchval(statement.get("half_approved_patches"), wanted.needs_person)
        among = needing if among is None else sorted({*among} & {*needing})
    but_for = await _claimed(conn, None) if wanted.unclaimed else None
    if wanted.turn_of is not None:
        but_for = [*(but_for or ()), *await conn.fetchval(statement.get("others_turn"), wanted.turn_of)]
    every, package, cve = _names(wanted)
    return (every, *lists, *bounds, among, but_for, wanted.severity, wanted.risk, package, cve)


def _names(wanted: Wanted) -> tuple[list[str], str | None, str | None]:
    """The tags, package and CVE to look for: one of each has an index of its own; all tags together have another."""
    named = dict(tag.split(":", 1) for tag in wanted.every)
    if wanted.one_of or not named.keys() <= {"package", "cve"} or len(named) < len(wanted.every):
        return [*wanted.every], None, None
    return [], named.get("package"), named.get("cve")


async def _size(conn: Connection) -> float:
    """About how many reviews wait."""
    size: float = await conn.fetchval(statement.get("queue_size"))
    return size


async def _known_total(conn: Connection, wanted: Wanted, arguments: tuple[Any, ...], size: float) -> int | None:
    """How many are wanted, no further than COUNT_MAX + 1; None where they are better counted by finding them.

    Of all an index tells, and where only one thing is asked; of one package or CVE there are few. To count what else is common
    among a million would take as long as to read it: a sample of pages says if there are surely more. Each page was as likely
    as any other to be in it, so that the error of found / share is about sqrt(squares) / share, however those that are alike
    lie together.
    """
    if wanted == Wanted():
        return await _count(conn, arguments)
    if size <= SAMPLED_FROM or (wanted == Wanted(every=wanted.every) and not _names(wanted)[0]):
        return None
    if _of_one_index(wanted):
        return await _count(conn, arguments)
    if wanted == Wanted(starts=wanted.starts, said=wanted.said) and await _many_begin(conn, _prefix(wanted)):
        return COUNT_MAX + 1
    for rows in SAMPLES_ROWS:
        share = rows / size
        ((found, squares),) = await conn.fetch(statement.get("queue_sample"), share * 100, *arguments)
        if (found - SURELY * sqrt(squares)) / share > COUNT_MAX:
            return COUNT_MAX + 1
        if found / share <= FEW_MAX:
            return None
    return await _count(conn, arguments)


def _of_one_index(wanted: Wanted) -> bool:
    """Whether a single index has all that is asked for."""
    return wanted in (
        Wanted(severity=wanted.severity),
        Wanted(risk=wanted.risk),
        Wanted(confidence_min=wanted.confidence_min, confidence_max=wanted.confidence_max),
        Wanted(opened_before=wanted.opened_before),
    )


async def _many_begin(conn: Connection, prefix: str | None) -> bool:
    """Whether an index of names tells that more than COUNT_MAX begin with this."""
    begin: int = await conn.fetchval(statement.get("queue_beginning"), COUNT_MAX + 1, prefix)
    return begin > COUNT_MAX


async def _count(conn: Connection, arguments: tuple[Any, ...]) -> int:
    total: int = await conn.fetchval(statement.get("queue_count"), COUNT_MAX + 1, *arguments)
    return total


async def _few(conn: Connection, given: tuple[Any, ...], sort: Sort, most: int) -> tuple[int, Sequence[Any]] | None:
    """How many there are and a page of them; None if there are more than `most`."""
    rows = await conn.fetch(statement.get("queue_few"), *given, sort, most + 1)
    total = rows[0]["total"]
    return None if total > most else (total, [row for row in rows if row["patch_id"] is not None])


async def _claimed(conn: Connection, person: str | None) -> list[str]:
    held: list[str] = await conn.fetchval(statement.get("claimed_patches"), person)
    return held


def _prefix(wanted: Wanted) -> str | None:
    """The pattern of LIKE for what begins like this: nothing that is looked for is a pattern itself."""
    if wanted.starts is None:
        return None
    return wanted.starts.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
