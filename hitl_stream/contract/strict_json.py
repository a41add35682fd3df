"""Reads JSON as the contract means it: RFC 8259 and nothing more, with limits.

Refused: duplicate keys, NaN and infinities however they are spelled, lone surrogates, bytes that are no UTF-8, U+0000
in any text or key, nesting over 100. What comes out can be stored anywhere and written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any

import jiter
import orjson

from hitl_stream.contract import complaint
from hitl_stream.errors import BadRecord

NESTING_MAX = 100
# A diff at its limit, every character escaped, and as much again: what is longer came through by compression only.
VALUE_BYTES_MAX = 8 * 1024 * 1024

WHOLE = "value"

Path = tuple[str | int, ...]


def parse(raw: bytes, where: str, nesting_max: int = NESTING_MAX) -> Any:
    """Parse and check. Raises BadRecord; `where` is the name of the value in its reason, WHOLE for all of the record's."""
    if len(raw) > VALUE_BYTES_MAX:
        raise BadRecord(f"{where}: {len(raw)} bytes, at most {VALUE_BYTES_MAX} are read")
    value = _load(raw, where)
    if b"\\u0000" in raw:  # also found in the six characters that merely spell it
        _refuse(value, where, _has_nul, "U+0000 is not accepted in a text or a name")
    _check_nesting(value, where, nesting_max)
    return value


def _load(raw: bytes, where: str) -> Any:
    """The value, if it is JSON and no object has a key twice.

    orjson is twice as fast, but keeps the last of two equal keys. Where writing what it read gives the same bytes,
    nothing was dropped, rounded or infinite; that is so for what most libraries write.
    """
    if b'": ' not in raw[:64]:
        try:
            value = orjson.loads(raw)
            if orjson.dumps(value) == raw:
                return value
        except (ValueError, TypeError):
            pass  # the other parser says what is wrong
    try:
        value = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise BadRecord(complaint.line(f"{where}: not JSON: {error}")) from error
    if any(not -inf < number < inf for number in _unusual(value)):
        _refuse(value, where, _is_infinite, "the number is too large")
    return value


def compact(value: Any) -> bytes:
    """JSON without blanks, member order kept, UTF-8, numbers as Python's json module spells them."""
    if not _unusual(value):
        return orjson.dumps(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _check_nesting(value: Any, where: str, nesting_max: int) -> None:
    """An array or object on level nesting_max + 1 is one too deep, empty or not."""
    level = [value] if type(value) is dict or type(value) is list else []
    for _ in range(nesting_max):
        level = [
            inner
            for node in level
            for inner in (node.values() if type(node) is dict else node)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    if level:
        raise BadRecord(f"{where}: nested more than {nesting_max} deep")


def _unusual(value: Any) -> list[float]:
    """The numbers that orjson may write in another way than Python: with an exponent, `.0`, more than 64 bits."""
    unusual: list[float] = []
    nodes = [value if type(value) is dict or type(value) is list else [value]]
    for node in nodes:
        for item in node.values() if type(node) is dict else node:
            kind = type(item)
            if kind is str:
                continue
            if kind is dict or kind is list:
                nodes.append(item)
            elif kind is float:
                if item % 1 == 0 or not (1e-4 <= item < 1e15 or -1e15 < item <= -1e-4):
                    unusual.append(item)
            elif kind is int and not -0x8000_0000_0000_0000 <= item <= 0xFFFF_FFFF_FFFF_FFFF:
                unusual.append(item)
    return unusual


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
