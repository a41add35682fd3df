"""The list of open reviews over HTTP: filters that combine, five orders, cursors that keep both, and how many of what."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response

from hitl_stream.sidecar import reply, shape
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import query_pairs
from hitl_stream.store import queue
from hitl_stream.store.queue import COUNT_MAX, ONE_OF_MAX, Place, Sort, Wanted

LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX = 50, 200, 10_000
AGE_S_MAX = 366 * 86_400
TEXT_MAX = 255

# Filters on what is equal or not; each may be given more than once and then means any of them.
TAGS = (
    "severity",
    "risk",
    "cwe",
    "cwe_class",
    "package",
    "ecosystem",
    "language",
    "strategy",
    "prediction",
    "reason",
    "cve",
)
_OTHERS = ("confidence_min", "confidence_max", "older_than_s", "claimed", "q", "sort", "limit", "offset", "cursor")
KEY_MAX = 253_402_300_799_999_999.0  # the end of the year 9999 in microseconds

router = APIRouter()


@router.get("/hitl/patches/pending")
async def list_pending(asked: Asker) -> Response:
    """What waits for a person, by default the highest priority first."""
    async with asked.reading() as conn:
        given = _given(asked.request)
        wanted, sort = _wanted(asked, given), _sort(given)
        limit, offset = _whole(given, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX), _whole(given, "offset", 0, 0, OFFSET_MAX)
        after = _decode(given["cursor"][-1], sort) if "cursor" in given else None
        page = await queue.read_page(conn, wanted, sort, after, limit, offset)
    headers = {"X-Total-Count": str(_capped(page.total))}
    if page.following is not None:
        kept = [(name, value) for name, values in given.items() if name not in ("cursor", "offset") for value in values]
        query = urlencode([*kept, ("cursor", _encode(page.following, sort))])
        headers["Link"] = f'</hitl/patches/pending?{query}>; rel="next"'
    return reply.make([shape.waiting(row) for row in page.rows]).response(headers)


@router.get("/hitl/queue/facets")
async def show_facets(asked: Asker) -> Response:
    """How many of the reviews that the same filters let through have which severity, package, reason, …"""
    async with asked.reading() as conn:
        given = _given(asked.request)
        found = await queue.read_facets(conn, _wanted(asked, given))
    facets = {kind: {name: _capped(count) for name, count in counts.items()} for kind, counts in found.counts.items()}
    return reply.make({"total": _capped(found.total), "exact": found.total <= COUNT_MAX, "facets": facets}).response()


def _capped(count: int) -> int | str:
    return count if count <= COUNT_MAX else f"{COUNT_MAX}+"


def _given(request: Request) -> dict[str, list[str]]:
    """What was asked for, by name. A misspelt filter is refused: without it more would be shown than was asked for."""
    given: dict[str, list[str]] = {}
    for name, value in query_pairs(request):
        if name not in TAGS and name not in _OTHERS:
            raise _invalid(f"{name[:TEXT_MAX]}: there is no such filter")
        if value:
            given.setdefault(name, []).append(value)
    return given


def _wanted(asked: Asked, given: dict[str, list[str]]) -> Wanted:
    tags = {name: [f"{name}:{_text(name, value)}" for value in given[name]] for name in TAGS if name in given}
    one_of = [values for values in tags.values() if len(values) > 1]
    if len(one_of) > ONE_OF_MAX:
        raise _invalid(f"at most {ONE_OF_MAX} filters can have several values")
    claimed = _last(given, "claimed")
    if claimed not in (None, "me", "nobody"):
        raise _invalid("claimed: me or nobody")
    older_than_s = _whole(given, "older_than_s", 0, 0, AGE_S_MAX)
    said = _last(given, "q")
    return Wanted(
        every=[values[0] for values in tags.values() if len(values) == 1],
        one_of=one_of,
        confidence_min=_fraction(given, "confidence_min"),
        confidence_max=_fraction(given, "confidence_max"),
        opened_before=datetime.now(UTC) - timedelta(seconds=older_than_s) if older_than_s else None,
        starts=None if said is None else _starts(_text("q", said)),
        said=said,
        claimed_by=asked.who.subject if claimed == "me" else None,
        unclaimed=claimed == "nobody",
    )


def _starts(said: str) -> str:
    """CVEs are found however they are written."""
    return said.upper() if said.lower().startswith("cve-") else said


def _sort(given: dict[str, list[str]]) -> Sort:
    try:
        return Sort(_last(given, "sort") or Sort.RISK)
    except ValueError as error:
        raise _invalid(f"sort: one of {', '.join(Sort)}") from error


def _last(given: dict[str, list[str]], name: str) -> str | None:
    return given[name][-1] if name in given else None


def _text(name: str, value: str) -> str:
    if len(value) > TEXT_MAX or "\0" in value:
        raise _invalid(f"{name}: text of at most {TEXT_MAX} characters")
    return value


def _whole(given: dict[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    text = _last(given, name) or str(default)
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise _invalid(f"{name}: a whole number from {least} to {most}")
    return int(text)


def _fraction(given: dict[str, list[str]], name: str) -> float | None:
    text = _last(given, name)
    if text is None:
        return None
    if not re.fullmatch(r"[01](\.[0-9]{1,12})?", text) or float(text) > 1:
        raise _invalid(f"{name}: a number from 0 to 1")
    return float(text)


def _encode(place: Place, sort: Sort) -> str:
    """A cursor: opaque to clients, and good for the order that it came from only."""
    return urlsafe_b64encode(orjson.dumps([sort, *place])).decode().rstrip("=")


def _decode(text: str, sort: Sort) -> Place:
    try:
        of, key, patch_id = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if of != sort or type(key) is not float or abs(key) > KEY_MAX or type(patch_id) is not str or "\0" in patch_id:
            raise ValueError("not a cursor of this list")
        if sort in (Sort.RISK, Sort.SEVERITY) and abs(key) >= 2**31:
            raise ValueError("not a cursor of this list")
    except (ValueError, TypeError) as error:
        raise Problem(422, "invalid-cursor", "The cursor cannot be read", "Start again without one.") from error
    return key, patch_id


def _invalid(detail: str) -> Problem:
    return Problem(422, "invalid-query", "The query cannot be read", detail)
