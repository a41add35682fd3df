"""A cursor: where the page before ended. Opaque to clients, checked when it comes back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import orjson

from hitl_stream.sidecar.problem import Problem

Place = TypeVar("Place")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def encode(*parts: str | float) -> str:
    """The parts as a cursor."""
    return urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode(text: str, place: Callable[..., Place]) -> Place:
    """What `place` makes of the parts; it raises ValueError, TypeError or OverflowError for what is none of its own.

    Raises Problem 422.
    """
    try:
        parts: list[Any] = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return place(*parts)
    except (ValueError, TypeError, OverflowError) as error:
        raise Problem(422, "invalid-cursor", "The cursor cannot be read", "Start again without one.") from error


def microseconds(moment: datetime) -> int:
    """A time as a part."""
    return (moment - _EPOCH) // _MICROSECOND


def at(part: Any) -> datetime:
    """A part as a time. Raises ValueError, OverflowError."""
    if type(part) is not int:
        raise ValueError("no time")
    return _EPOCH + part * _MICROSECOND


def text(part: Any) -> str:
    """A part as text that Postgres can compare. Raises ValueError."""
    if type(part) is not str or "\0" in part:
        raise ValueError("no text")
    return part
