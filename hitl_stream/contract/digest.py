"""Everything that is named by what it contains: decisions, reviews, evidence, artefacts, content of events.

The spellings here are public (DESIGN, chapter 3): a republished message must be the same bytes, and anybody can work
an evidence digest out again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any

import orjson

from hitl_stream.contract import strict_json
from hitl_stream.errors import BadRecord

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")
_NAMESPACE_BYTES = NAMESPACE.bytes


@lru_cache(4096)  # a decision is named in its row, in its message and in the auto-approved event
def decision_id(patch_id: str, round: int, seq: int) -> str:  # noqa: A002 - the contract's word
    """The id of one decision: uuid5 of compact JSON `[patch_id, round, seq]`."""
    return _uuid5([patch_id, round, seq])


@lru_cache(4096)
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


def content_digest(data: Any) -> bytes:
    """sha256 of the canonical JSON of a value: member order, blanks, escapes and spelling of numbers do not matter.

    Numbers are compared as they are read: integers exactly, others as IEEE 754 doubles; 1, 1.0 and 1e0 are one number,
    true is none.
    """
    value = data if strict_json.is_plain(data) else _normal(data)
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()


def payload_content(payload: bytes) -> bytes | None:
    """`content_digest` of a stored payload; None for one that today's rules no longer read."""
    try:
        return content_digest(strict_json.parse(payload, "data"))
    except BadRecord:
        return None


def _normal(value: Any) -> Any:
    """The value with every number spelled in the one way that does not depend on who wrote it, or on orjson's version."""
    kind = type(value)
    if kind is dict:
        return {name: _normal(item) for name, item in value.items()}
    if kind is list:
        return [_normal(item) for item in value]
    if kind is float:
        if value.is_integer():
            return orjson.Fragment(str(int(value)).encode())
        return orjson.Fragment(repr(value).encode())
    if kind is int:
        return orjson.Fragment(str(value).encode())
    return value


def _uuid5(name: list[str | int]) -> str:
    """RFC 9562 version 5 over compact JSON. The standard library's takes three times as long."""
    text = sha1(_NAMESPACE_BYTES + orjson.dumps(name), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
