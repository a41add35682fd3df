"""What is asked about one patch: everything that a decision needs, and whether it may be deployed. Ids are opaque."""

from __future__ import annotations

import re

from fastapi import APIRouter, Response

from hitl_stream.sidecar import reply, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.raw_path import patch_id, query_values, unknown_patch
from hitl_stream.store import review

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
    body = shape.detail(found, look)
    return reply.make(body, etag=shape.etag(found.patch["version"])).response()


def _digest(values: list[str]) -> bytes | None:
    """The digest asked for: None when it is missing, empty bytes (equal to no digest) when it cannot be read."""
    if not values or values == [""]:
        return None
    found = _DIGEST.fullmatch(values[0]) if len(values) == 1 else None
    return bytes.fromhex(found[1]) if found else b""
