"""The list of open reviews over HTTP: filters that combine, five orders, cursors that keep both, and how many of what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from hitl_stream.contract.fact import Risk, Severity
from hitl_stream.sidecar import cursor, query, reply, shape
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.query import Query
from hitl_stream.sidecar.raw_path import invalid_query
from hitl_stream.store import queue
from hitl_stream.store.queue import COUNT_MAX, ONE_OF_MAX, Place, Sort, Wanted

OFFSET_MAX = 10_000
AGE_S_MAX = 366 * 86_400

# Filters on what is equal or not; each may be given more than once and then means any of them.
TAGS = (
    "severity", "risk", "cwe", "cwe_class", "package", "ecosystem", "language", "strategy", "prediction", "reason", "cve",
)  # fmt: skip
# Of these a single one has an index of its own, where it is one of those that are known.
_RANKS: Final[Mapping[str, Collection[str]]] = {"severity": (*Severity, "unknown"), "risk": (*Risk, "unknown")}
_KNOWN = frozenset(
    (
        *TAGS,
        "confidence_min",
        "confidence_max",
        "older_than_s",
        "claimed",
        "needs",
        "turn",
        "q",
        "sort",
        "limit",
        "offset",
        "cursor",
    )
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
KEY_MAX = 253_402_300_799_999_999.0  # the end of the year 9999 in microseconds

router = APIRouter()


@router.get("/hitl/patches/pending")
async def list_pending(asked: Asker) -> Response:
    """What waits for a person, by default the highest priority first."""
    async with asked.reading() as conn:
        asked_for = query.read(asked.request, _KNOWN)
        wanted, sort = _wanted(asked, asked_for), _sort(asked_for)
        limit, offset, given = asked_for.limit(), asked_for.whole("offset", 0, 0, OFFSET_MAX), asked_for.last("cursor")
        after = None if given is None else cursor.decode(given, partial(_place, sort))
        page = await queue.read_page(conn, wanted, sort, after, limit, offset)
    headers = {"X-Total-Count": str(_capped(page.total))}
    if page.following is not None:
        following = ("cursor", cursor.encode(sort, *page.following))
        link = urlencode([*asked_for.pairs(("cursor", "offset")), following])
        headers["Link"] = f'</hitl/patches/pending?{link}>; rel="next"'
    return reply.make([shape.waiting(row) for row in page.rows]).response(headers)


@router.get("/hitl/queue/facets")
async def show_facets(asked: Asker) -> Response:
    """How many of the reviews that the same filters let through have which severity, package, reason, …"""
    async with asked.reading() as conn:
        found = await queue.read_facets(conn, _wanted(asked, query.read(asked.request, _KNOWN)))
    facets = {kind: {name: _capped(count) for name, count in counts.items()} for kind, counts in found.counts.items()}
    return reply.make({"total": _capped(found.total), "exact": found.total <= COUNT_MAX, "facets": facets}).response()


def _capped(count: int) -> int | str:
    return count if count <= COUNT_MAX else f"{COUNT_MAX}+"


def _wanted(asked: Asked, asked_for: Query) -> Wanted:
    ranks = {name: value for name in _RANKS if (value := _rank(asked_for, name)) is not None}
    tags = [
        [f"{name}:{query.text(name, value)}" for value in asked_for.given[name]]
        for name in TAGS
        if name in asked_for.given and name not in ranks
    ]
    one_of = [values for values in tags if len(values) > 1]
    if len(one_of) > ONE_OF_MAX:
        raise invalid_query(f"at most {ONE_OF_MAX} filters can have several values")
    claimed = asked_for.last("claimed")
    if claimed not in (None, "me", "nobody"):
        raise invalid_query("claimed: me or nobody")
    needs, turn = asked_for.last("needs"), asked_for.last("turn")
    for name, value in (("needs", needs), ("turn", turn)):
        if value not in (None, "me"):
            raise invalid_query(f"{name}: me")
    older_than_s = asked_for.whole("older_than_s", 0, 0, AGE_S_MAX)
    said = asked_for.last("q")
    return Wanted(
        severity=ranks.get("severity"),
        risk=ranks.get("risk"),
        every=tuple(values[0] for values in tags if len(values) == 1),
        one_of=tuple(one_of),
        confidence_min=_fraction(asked_for, "confidence_min"),
        confidence_max=_fraction(asked_for, "confidence_max"),
        opened_before=datetime.now(UTC) - timedelta(seconds=older_than_s) if older_than_s else None,
        starts=None if said is None else query.text("q", said),
        said=said,
        claimed_by=asked.who.subject if claimed == "me" else None,
        unclaimed=claimed == "nobody",
        needs_person=asked.who.subject if needs == "me" else None,
        turn_of=asked.who.subject if turn == "me" else None,
    )


def _rank(asked_for: Query, name: str) -> str | None:
    """The one value that is asked for, where it has an index of its own."""
    values = asked_for.given.get(name, ())
    return values[0].lower() if len(values) == 1 and values[0].lower() in _RANKS[name] else None


def _sort(asked_for: Query) -> Sort:
    try:
        return Sort(asked_for.last("sort") or Sort.RISK)
    except ValueError as error:
        raise invalid_query(f"sort: one of {', '.join(Sort)}") from error


def _fraction(asked_for: Query, name: str) -> float | None:
    said = asked_for.last(name)
    if said is None:
        return None
    if not _NUMBER.fullmatch(said) or not 0 <= float(said) <= 1:
        raise invalid_query(f"{name}: a number from 0 to 1")
    return float(said)


def _place(sort: Sort, of: Any, key: Any, patch_id: Any) -> Place:
    """The place of a cursor, which is good for the order that it came from only."""
    most = 2**31 - 1 if sort in (Sort.RISK, Sort.SEVERITY) else KEY_MAX
    least = 0 if sort in (Sort.AGE, Sort.DEADLINE) else -most
    if of != sort or type(key) is not float or not least <= key <= most:
        raise ValueError("not a cursor of this list")
    return key, cursor.text(patch_id)
