"""Everything that is named by what it contains: decisions, reviews, evidence, artefacts, content of events.

The spellings here are public (DESIGN, chapter 3): a republished message must be the same bytes, and anybody can work
an evidence digest out again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha1, sha256

import orjson

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")
_NAMESPACE_BYTES = NAMESPACE.bytes


# A decision is named in its row, in its message and in the auto-approved event: as many as two full batches have.
@lru_cache(2048)
def decision_id(patch_id: str, round: int, seq: int) -> str:  # noqa: A002 - the contract's word
    """The id of one decision: uuid5 of compact JSON `[patch_id, round, seq]`."""
    return _uuid5([patch_id, round, seq])


@lru_cache(2048)
def review_id(patch_id: str, round: int, seq: int) -> str:  # noqa: A002 - the contract's word
    """The id of one review; `seq` is the number that the next decision will get."""
    return _uuid5(["review", patch_id, round, seq])


def auto_approved_id(patch_id: str, round: int, seq: int) -> str:  # noqa: A002 - the contract's word
    """The id of the event that informs of an approval by policy."""
    return _uuid5(["auto-approved", patch_id, round, seq])


def evidence_digest(lines: Iterable[tuple[str, str, bytes]]) -> bytes:
    """sha256 over the sorted lines `source id sha256(payload)`, newline between them, none at the end."""
    return sha256("\n".join(sorted({f"{source} {id_} {sha.hex()}" for source, id_, sha in lines})).encode()).digest()


def patch_digest_text(raw: bytes | None) -> str | None:
    """A digest as messages spell it."""
    return None if raw is None else f"sha256:{raw.hex()}"


def _uuid5(name: list[str | int]) -> str:
    """RFC 9562 version 5 over compact JSON. The standard library's takes three times as long."""
    text = sha1(_NAMESPACE_BYTES + orjson.dumps(name), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
