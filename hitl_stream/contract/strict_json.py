"""Reads JSON as the contract means it: RFC 8259 and nothing more, with limits.

Refused: duplicate keys, NaN and infinities however they are spelled, lone surrogates, bytes that are no UTF-8, U+0000
in any text or key, nesting over 100. What comes out can be stored anywhere and written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import jiter
import orjson

from hitl_stream.contract import complaint
from hitl_stream.errors import BadRecord

NESTING_MAX = 100
# A diff at its limit, every character escaped, and as much again: what is longer came through by compression only.
VALUE_BYTES_MAX = 8 * 1024 * 1024

WHOLE = "value"

Path = tuple[str | int, ...]


class Document(NamedTuple):
    """A JSON value. `plain`: every number in it has one spelling only, so that orjson's own is the canonical one."""

    value: Any
    plain: bool


def parse(raw: bytes, where: str, nesting_max: int = NESTING_MAX) -> Document:
    """Parse and check. Raises BadRecord; `where` is the name of the value in its reason, WHOLE for all of the record's."""
    if len(raw) > VALUE_BYTES_MAX:
        raise BadRecord(f"{where}: {len(raw)} bytes, at most {VALUE_BYTES_MAX} are read")
    try:
        value = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise BadRecord(complaint.line(f"{where}: not JSON: {error}")) from error
    if b"\\u0000" in raw:  # also found in the six characters that merely spell it
        _refuse(value, where, _has_nul, "U+0000 is not accepted in a text or a name")
    return Document(value, _inspect(value, where, nesting_max))


def compact(document: Document) -> bytes:
    """JSON without blanks, member order kept, UTF-8, numbers as Python's json module spells them."""
    if document.plain:
        return orjson.dumps(document.value)
    return json.dumps(document.value, ensure_ascii=False, separators=(",", ":")).encode()


def is_plain(value: Any) -> bool:
    """Whether every number in the value has one spelling only."""
    return _inspect(value, WHOLE, NESTING_MAX)


def _inspect(value: Any, where: str, nesting_max: int) -> bool:
    """Level by level: refuse what is nested too deep or infinite; tell whether all numbers are plain."""
    numbers: list[float] = []
    level = [value] if type(value) is dict or type(value) is list else [[value]]
    depth = 0
    while level:
        depth += 1
        below = []
        for node in level:
            for item in node.values() if type(node) is dict else node:
                kind = type(item)
                if kind is str or kind is bool or item is None:
                    continue
                if kind is dict or kind is list:
                    below.append(item)
                else:
                    numbers.append(item)
        if depth == nesting_max and below:
            raise BadRecord(f"{where}: nested more than {nesting_max} deep")
        level = below
    if inf in numbers or -inf in numbers:
        _refuse(value, where, _is_infinite, "the number is too large")
    return all(map(_is_plain, numbers))


def _is_plain(number: float) -> bool:
    """Whether there is one way to write the number that everybody agrees on: no exponent, no `.0`, at most 64 bits."""
    if type(number) is float:
        return (1e-4 <= number < 1e15 or -1e15 < number <= -1e-4) and not number.is_integer()
    return -0x8000_0000_0000_0000 <= number <= 0xFFFF_FFFF_FFFF_FFFF


def _has_nul(item: Any) -> bool:
    return type(item) is str and "\0" in item


def _is_infinite(item: Any) -> bool:
    return type(item) is float and not -inf < item < inf


def _refuse(value: Any, where: str, test: Callable[[Any], bool], message: str) -> None:
    """Refuse the value if anything in it meets the test, saying where it is."""
    todo: list[tuple[Path, Any]] = [(() if where == WHOLE else (where,), value)]
    while todo:
        path, item = todo.pop()
        if test(item):
            raise BadRecord(complaint.line(f"{complaint.dotted(path)}: {message}"))
        if type(item) is dict:
            for name, inner in item.items():
                if test(name):
                    raise BadRecord(complaint.line(f"{complaint.dotted((*path, name))}: {message}"))
                todo.append(((*path, name), inner))
        elif type(item) is list:
            todo += [((*path, index), inner) for index, inner in enumerate(item)]
