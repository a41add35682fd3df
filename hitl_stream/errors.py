"""The four fates of a failure, and the exception tree of the product.

    HitlError
    ├── BadRecord     input nobody can use: dead letter with a reason, the partition moves on
    ├── Refused       an expected no (gone, taken, not allowed, stale): becomes its HTTP status, never an error log
    ├── Unavailable   Postgres or Kafka is away: block, retry with jitter, never skip
    └── Fatal         the process must not go on (topic recreated, schema too old): end it, loudly

Anything else is a bug: dead letter if it came from pure code (the same input fails again), end of the process if it
came from I/O. An error's docstring is its default message.
"""

from __future__ import annotations


class HitlError(Exception):
    """Something stopped the use case."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class BadRecord(HitlError):
    """The record cannot be used.

    `reason` is one line that a producer can act on: the path of the field, what was wrong, what was got.
    """

    kind = "bad_record"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Conflict(BadRecord):
    """The same (source, id) was seen with different content."""

    kind = "conflict"


class Defect(BadRecord):
    """Pure code failed on this record; the same input would fail again."""

    kind = "defect"


class Refused(HitlError):
    """The request was understood and is refused."""


class Unavailable(HitlError):
    """A dependency is away; try again."""


class Fatal(HitlError):
    """The process must not go on."""


class PositionLost(HitlError):
    """Another owner moved the position of a partition: nothing was written, seek again."""
