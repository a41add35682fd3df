"""The query of a request, read once: what was asked for by name, and refused where it means nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import invalid_query, query_pairs

LIMIT_DEFAULT, LIMIT_MAX = 50, 200
TEXT_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Query:
    """Values by name; empty ones are as if they were not there."""

    given: Mapping[str, Sequence[str]]

    def last(self, name: str) -> str | None:
        """The last value."""
        return self.given[name][-1] if name in self.given else None

    def once(self, name: str) -> str | None:
        """The only value. Raises Problem 422."""
        values = self.given.get(name, ())
        if len(values) > 1:
            raise invalid_query(f"{name}: once")
        if values and "\0" in values[0]:
            raise invalid_query(f"{name}: no text")
        return values[0] if values else None

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds. Raises Problem 422."""
        said = self.last(name) or str(default)
        if not re.fullmatch("[0-9]{1,9}", said) or not least <= int(said) <= most:
            raise invalid_query(f"{name}: a whole number from {least} to {most}")
        return int(said)

    def limit(self) -> int:
        """How many a page holds. Raises Problem 422."""
        said = self.last("limit") or str(LIMIT_DEFAULT)
        if not re.fullmatch("[0-9]{1,4}", said) or not 1 <= int(said) <= LIMIT_MAX:
            raise Problem(422, "invalid-limit", "The limit is not valid", f"A whole number from 1 to {LIMIT_MAX}.")
        return int(said)

    def pairs(self, without: Collection[str]) -> list[tuple[str, str]]:
        """All of it but these, as it was sent: for the link to the next page."""
        return [(name, value) for name, values in self.given.items() if name not in without for value in values]


def read(request: HTTPConnection, known: Collection[str] | None = None) -> Query:
    """The query. Of filters every name is `known`: a misspelt one would show more than was asked for. Raises Problem 422."""
    given: dict[str, list[str]] = {}
    for name, value in query_pairs(request):
        if known is not None and name not in known:
            raise invalid_query(f"{name[:TEXT_MAX]}: there is no such filter")
        if value:
            given.setdefault(name, []).append(value)
    return Query(given)


def text(name: str, value: str) -> str:
    """A text that Postgres can look for. Raises Problem 422."""
    if len(value) > TEXT_MAX or "\0" in value:
        raise invalid_query(f"{name}: text of at most {TEXT_MAX} characters")
    return value
