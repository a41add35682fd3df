"""The JSON body of a command: an object with texts. Hostile text is taken as it is, but for what Postgres cannot keep."""

from __future__ import annotations

import re
from typing import Any

import orjson

from hitl_stream.sidecar.problem import Problem

TEXT_MAX = 10_000
SHORT_MAX = 255
PRESETS_MAX = 20

# A character that can be seen: no control, no white space, none without width or ink. Read alike by every dialect; what lies
# beyond four digits is written by each in its own way.
_UNSEEN = (
    r"\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
SEEN = f"[^{_UNSEEN}]"

_SEEN = re.compile(rf"[^{_UNSEEN}\U000e0000-\U000e0fff]")
_PRESET = re.compile(r"[a-z0-9_]{1,64}")


def members(raw: bytes) -> dict[str, Any]:
    """The members of the body; none at all is an empty object. Raises Problem 422."""
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid(str(error)) from error
    if not isinstance(body, dict):
        raise invalid("an object is expected")
    return body


def text(body: dict[str, Any], name: str) -> str | None:
    """An optional text. Raises Problem 422."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > TEXT_MAX or "\0" in value:
        raise invalid(f"{name}: text of at most {TEXT_MAX} characters, without U+0000")
    return value


def required(body: dict[str, Any], name: str) -> str:
    """A text that says something: blank is none. Raises Problem 422."""
    value = text(body, name)
    if value is None or not _SEEN.search(value):
        raise invalid(f"{name}: this needs one")
    return value


def short(body: dict[str, Any], name: str) -> str:
    """A short text that says something. Raises Problem 422."""
    value = required(body, name)
    if len(value) > SHORT_MAX:
        raise invalid(f"{name}: at most {SHORT_MAX} characters")
    return value


def flag(body: dict[str, Any], name: str) -> bool:
    """An optional yes, which is no unless it is said. Raises Problem 422."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise invalid(f"{name}: true or false")
    return value


def presets(body: dict[str, Any]) -> list[str]:
    """Names of reasons that return to the generator. Raises Problem 422."""
    value = body.get("presets", [])
    valid = isinstance(value, list) and len(value) <= PRESETS_MAX
    if not valid or not all(isinstance(name, str) and _PRESET.fullmatch(name) for name in value):
        raise invalid(f"presets: at most {PRESETS_MAX} names of small letters, digits and _")
    return list(value)


def invalid(detail: str) -> Problem:
    """422: the request is not what was expected."""
    return Problem(422, "invalid-request", "The request is not valid", detail)
