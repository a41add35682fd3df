"""What is asked about one patch: everything that a decision needs, and whether it may be deployed. Ids are opaque."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from hitl_stream.sidecar import cursor, query, reply, result, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.query import Query
from hitl_stream.sidecar.raw_path import patch_id, query_values, unknown_patch
from hitl_stream.store import review
from hitl_stream.store.database import Connection
from hitl_stream.store.review import ResultPlace

ROUND_MAX = 999_999_999

_KNOWN = frozenset(("patch_id", "round", "limit", "cursor"))
_KNOWN_OF_ARTEFACT = frozenset(("patch_id", "round"))
_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")

router = APIRouter()


@router.get("/hitl/patches/{patch_id}/gate")
async def ask_gate(asked: Asker) -> Response:
    """May exactly this artefact be deployed, at this moment?"""
    async with asked.reading(reserved=True) as conn:  # however many lists are being read
        wanted = patch_id(asked.request)
        digest = _digest(query_values(asked.request, "digest"))
        said = await review.ask_gate(conn, wanted, digest)
    return reply.make(shape.gate(wanted, digest or None, said)).response()


@router.get("/hitl/patches/{patch_id}")
@router.get("/hitl/patches/{patch_id}/")
async def show(asked: Asker) -> Response:
    """One patch with everything a decision needs; that this person looked is remembered."""
    async with asked.reading() as conn:
        wanted = patch_id(asked.request)
        look = await review.read_look(conn, wanted, asked.who.subject)
        found = await review.read_detail(conn, wanted, asked.who.subject)
        if found is None:
            raise unknown_patch()
        await review.note_look(conn, found.patch, asked.who.subject, asked.who.token_id, asked.request_id)
    following = found.results.following
    headers = {} if following is None else _link(wanted, [("round", str(found.patch["round"]))], following)
    body = shape.detail(found, look)
    return reply.make(body, etag=shape.etag(found.patch["version"])).response(headers)


@router.get("/hitl/patches/{patch_id}/results")
async def list_results(asked: Asker) -> Response:
    """The results of one round, by default the current one, in the order of arrival: the detail shows the first of them."""
    async with asked.reading() as conn:
        wanted, asked_for = patch_id(asked.request), query.read(asked.request, _KNOWN)
        round_, limit, given = await _round(conn, wanted, asked_for), asked_for.limit(), asked_for.once("cursor")
        after = None if given is None else cursor.decode(given, _place)
        found = await review.read_results(conn, wanted, round_, after, limit)
    pairs = [*asked_for.pairs(("cursor", "patch_id", "round")), ("round", str(round_))]
    headers = {} if found.following is None else _link(wanted, pairs, found.following)
    return reply.make([result.shown(result.read(row)) for row in found.rows]).response(headers)


@router.get("/hitl/patches/{patch_id}/artefact")
async def show_artefact(asked: Asker) -> Response:
    """What one round was about, by default the current one: to compare the patch with the one that was looked at before."""
    async with asked.reading() as conn:
        wanted, asked_for = patch_id(asked.request), query.read(asked.request, _KNOWN_OF_ARTEFACT)
        round_ = await _round(conn, wanted, asked_for)
        found = await review.read_artefact(conn, wanted, round_)
    if found is None:
        raise Problem(404, "unknown-round", "There is no such round of this patch")
    return reply.make(shape.artefact(wanted, round_, found)).response()


async def _round(conn: Connection, wanted: str, asked_for: Query) -> int:
    """The round asked for, by default the current one. Raises Problem where there is no such patch."""
    current = await review.read_standing(conn, wanted)
    if current is None:
        raise unknown_patch()
    return asked_for.whole("round", current.round, 1, ROUND_MAX)


def _link(wanted: str, pairs: list[tuple[str, str]], following: ResultPlace) -> dict[str, str]:
    """Where the next results are; of the same round, whatever becomes of the patch."""
    at, source, event_id = following
    place = ("cursor", cursor.encode(cursor.microseconds(at), source, event_id))
    more = urlencode([("patch_id", wanted), *pairs, place])
    return {"Link": f'</hitl/patches/_/results?{more}>; rel="next"'}


def _place(microseconds: Any, source: Any, event_id: Any) -> ResultPlace:
    return cursor.at(microseconds), cursor.text(source), cursor.text(event_id)


def _digest(values: list[str]) -> bytes | None:
    """The digest asked for: None when it is missing, empty bytes (equal to no digest) when it cannot be read."""
    if not values or values == [""]:
        return None
    found = _DIGEST.fullmatch(values[0]) if len(values) == 1 else None
    return bytes.fromhex(found[1]) if found else b""
