"""Whether two events say the same: `data` compared as JSON values, not as bytes.

Member order, blanks, escapes and the spelling of numbers do not matter. Numbers are compared as they are read: integers
exactly, others as IEEE 754 doubles; 1, 1.0 and 1e0 are one number, true is none.
"""

from __future__ import annotations

from math import nan
from typing import Any

import jiter


def read(payload: bytes) -> Any:
    """The value of a payload that was accepted before; nothing is checked again. What is no JSON equals nothing: NaN."""
    try:
        return jiter.from_json(payload)
    except ValueError:
        return nan


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. As deep as they are nested, which is bounded where they are accepted."""
    kind = type(one)
    if kind is dict:
        return (
            type(other) is dict
            and len(one) == len(other)
            and all(name in other and is_same(item, other[name]) for name, item in one.items())
        )
    if kind is list:
        return type(other) is list and len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other) and (kind is bool) is (type(other) is bool)
