"""The audit over HTTP: by patch, actor, action, time and policy version; page by page, or as a whole as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from hitl_stream.contract.digest import patch_digest_text
from hitl_stream.sidecar import cursor, reply, shape
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import query_pairs, query_values
from hitl_stream.store import audit
from hitl_stream.store.audit import Filter, Place

LIMIT_DEFAULT, LIMIT_MAX = 50, 200
EXPORT_PAGE = 1_000
MEMBERS = (
    "at", "actor", "role", "token_id", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest",
    "policy_version", "justification", "request_id", "detail",
)  # fmt: skip

_TEXTS = ("patch_id", "actor", "action")
_KNOWN = frozenset((*_TEXTS, "policy_version", "since", "until", "limit", "cursor", "format"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Write = Callable[[Sequence[dict[str, Any]]], bytes]

router = APIRouter()


@router.get("/hitl/audit")
async def show(asked: Asker) -> Response:
    """What was said and done, newest first; `format=csv|jsonl` gives all that the filters let through."""
    async with asked.reading() as conn:
        wanted, written = _filter(asked.request), _one(asked.request, "format")
        limit, before = _limit(query_values(asked.request, "limit")), _before(asked.request)
        page = await audit.read_page(conn, wanted, before, limit if written is None else EXPORT_PAGE)
    if written is not None:
        return _export(asked, wanted, written, page)
    headers = {}
    if page.following is not None:
        kept = {
            name: value
            for name in (*_TEXTS, "policy_version", "since", "until")
            if (value := _one(asked.request, name))
        }
        query = urlencode({**kept, "limit": limit, "cursor": cursor.encode(page.following)})
        headers["Link"] = f'</hitl/audit?{query}>; rel="next"'
    return reply.make([entry(row) for row in page.rows]).response(headers)


def entry(row: dict[str, Any]) -> dict[str, Any]:
    """One entry as the contract shows it."""
    return {
        **{name: row[name] for name in MEMBERS},
        "at": shape.at(row["at"]),
        "patch_digest": patch_digest_text(row["patch_digest"]),
        "evidence_digest": patch_digest_text(row["evidence_digest"]),
        "detail": None if row["detail"] is None else orjson.loads(row["detail"]),
    }


def _export(asked: Asked, wanted: Filter, written: str, first: audit.Page) -> Response:
    """All that the filters let through; it was refused, or read for the first time, before its status is sent."""
    write = {"csv": _csv, "jsonl": _json_lines}.get(written)
    if write is None:
        raise Problem(422, "invalid-format", "There is no such format", "csv or jsonl")
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="audit.{written}"'}
    kind = "text/csv; charset=utf-8" if written == "csv" else "application/jsonl"
    return StreamingResponse(_pages(asked, wanted, first, write), 200, headers, kind)


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
    """Text for a spreadsheet: what it would take for a formula gets an apostrophe (CWE-1236)."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else reply.to_json(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _filter(request: Request) -> Filter:
    """What was asked for. A misspelt filter is refused: without it more would be shown than was asked for."""
    for name, _ in query_pairs(request):
        if name not in _KNOWN:
            raise _invalid(f"{name[:255]}: there is no such filter")
    version = _one(request, "policy_version")
    if version is not None and not re.fullmatch("[0-9]{1,9}", version):
        raise _invalid("policy_version: a whole number")
    return Filter(
        patch_id=_text(request, "patch_id"),
        actor=_text(request, "actor"),
        action=_text(request, "action"),
        policy_version=None if version is None else int(version),
        since=_time(request, "since"),
        until=_time(request, "until"),
    )


def _limit(values: list[str]) -> int:
    text = values[-1] if values else str(LIMIT_DEFAULT)
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise Problem(422, "invalid-limit", "The limit is not valid", f"A whole number from 1 to {LIMIT_MAX}.")
    return int(text)


def _before(request: Request) -> Place:
    given = _one(request, "cursor")
    return audit.END if given is None else cursor.decode(given)


def _text(request: Request, name: str) -> str | None:
    value = _one(request, name)
    if value is not None and "\0" in value:
        raise _invalid(f"{name}: no text")
    return value


def _time(request: Request, name: str) -> datetime | None:
    value = _one(request, name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(f"{name}: a time as in RFC 3339") from error


def _one(request: Request, name: str) -> str | None:
    values = query_values(request, name)
    if len(values) > 1:
        raise _invalid(f"{name}: once")
    return values[0] if values and values[0] else None


def _invalid(detail: str) -> Problem:
    return Problem(422, "invalid-query", "The query cannot be read", detail)
