"""The cursor of the list of reviews: where the page before ended. Opaque to clients, checked when it comes back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import orjson

from hitl_stream.sidecar.problem import Problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Place = tuple[datetime, str]


def encode(place: Place) -> str:
    """A cursor with the full precision of the database's time."""
    at, patch_id = place
    return urlsafe_b64encode(orjson.dumps([(at - _EPOCH) // _MICROSECOND, patch_id])).decode().rstrip("=")


def decode(text: str) -> Place:
    """The place that a cursor names. Raises Problem 422."""
    try:
        microseconds, patch_id = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if type(microseconds) is not int or type(patch_id) is not str or "\0" in patch_id:
            raise ValueError("not a cursor of ours")
        return _EPOCH + microseconds * _MICROSECOND, patch_id
    except (ValueError, TypeError, OverflowError) as error:
        raise Problem(422, "invalid-cursor", "The cursor cannot be read", "Start again without one.") from error
