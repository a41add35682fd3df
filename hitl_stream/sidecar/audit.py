"""The audit over HTTP: by patch, actor, action, time and policy version; page by page, or as a whole as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from hitl_stream.contract import spreadsheet
from hitl_stream.sidecar import cursor, query, reply, shape
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.query import Query
from hitl_stream.sidecar.raw_path import invalid_query
from hitl_stream.store import audit
from hitl_stream.store.audit import Filter, Place

EXPORT_PAGE = 1_000
MEMBERS = (
    "at", "actor", "role", "token_id", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest",
    "policy_version", "justification", "request_id", "detail",
)  # fmt: skip

# How all of it can be had as a file.
FORMATS: Mapping[str, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}

_KNOWN = frozenset(("patch_id", "actor", "action", "policy_version", "since", "until", "limit", "cursor", "format"))

Write = Callable[[Sequence[dict[str, Any]]], bytes]

router = APIRouter()


@router.get("/hitl/audit")
async def show(asked: Asker) -> Response:
    """What was said and done, newest first; `format=csv|jsonl` gives all that the filters let through."""
    async with asked.reading() as conn:
        asked_for = query.read(asked.request, _KNOWN)
        wanted, written = _filter(asked_for), asked_for.once("format")
        limit, before = asked_for.limit(), _before(asked_for)
        page = await audit.read_page(conn, wanted, before, limit if written is None else EXPORT_PAGE)
    if written is not None:
        return _export(asked, wanted, written, page)
    headers = {}
    if page.following is not None:
        at, key = page.following
        following = ("cursor", cursor.encode(cursor.microseconds(at), key))
        headers["Link"] = f'</hitl/audit?{urlencode([*asked_for.pairs(["cursor"]), following])}>; rel="next"'
    return reply.make([entry(row) for row in page.rows]).response(headers)


def entry(row: dict[str, Any]) -> dict[str, Any]:
    """One entry as the contract shows it."""
    told = {
        **shape.entry(row),
        **{name: row[name] for name in ("token_id", "patch_id", "request_id")},
        "detail": None if row["detail"] is None else orjson.loads(row["detail"]),
    }
    return {name: told[name] for name in MEMBERS}


def _export(asked: Asked, wanted: Filter, written: str, first: audit.Page) -> Response:
    """All that the filters let through; it was refused, or read for the first time, before its status is sent."""
    if written not in FORMATS:
        raise Problem(422, "invalid-format", "There is no such format", " or ".join(FORMATS))
    write = _csv if written == "csv" else _json_lines
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="audit.{written}"'}
    return StreamingResponse(_pages(asked, wanted, first, write), 200, headers, FORMATS[written])


async def _pages(asked: Asked, wanted: Filter, page: audit.Page, write: Write) -> AsyncIterator[bytes]:
    """Page after page, each in its own short connection: a slow reader holds none."""
    if write is _csv:
        yield _row(MEMBERS)
    yield write([entry(row) for row in page.rows])
    while page.following is not None:
        async with asked.reading() as conn:
            page = await audit.read_page(conn, wanted, page.following, EXPORT_PAGE)
        yield write([entry(row) for row in page.rows])


def _json_lines(entries: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(reply.to_json(one) + b"\n" for one in entries)


def _csv(entries: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(_row([_cell(one[name]) for name in MEMBERS]) for one in entries)


def _row(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else reply.to_json(value).decode()
    return spreadsheet.cell(text)


def _filter(asked_for: Query) -> Filter:
    version = asked_for.once("policy_version")
    if version is not None and not re.fullmatch("[0-9]{1,9}", version):
        raise invalid_query("policy_version: a whole number")
    return Filter(
        patch_id=asked_for.once("patch_id"),
        actor=asked_for.once("actor"),
        action=asked_for.once("action"),
        policy_version=None if version is None else int(version),
        since=_time(asked_for, "since"),
        until=_time(asked_for, "until"),
    )


def _before(asked_for: Query) -> Place:
    given = asked_for.last("cursor")
    return audit.END if given is None else cursor.decode(given, _place)


def _place(microseconds: Any, key: Any) -> Place:
    return cursor.at(microseconds), cursor.text(key)


def _time(asked_for: Query, name: str) -> datetime | None:
    value = asked_for.once(name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value.upper())  # RFC 3339 has small letters too
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid_query(f"{name}: a time as in RFC 3339") from error
