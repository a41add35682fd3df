"""Makes what upstream wrote fit for a log: escaped, capped, without secrets. Pure, and total: any value comes out harmless."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any

TEXT_CHARACTERS_MAX = 2_000
ENTRY_CHARACTERS_MAX = 16_000
ITEMS_MAX = 50
DEPTH_MAX = 4
CUT_TO = 200
REDACTED = "[redacted]"

# Control characters (also the 8-bit ones, which terminals obey), line and paragraph separators, bidi controls, zero-width
# and other invisible ones, tags, lone surrogates: whatever moves a cursor, forges a line or shows text in another order.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SECRET_NAME = re.compile(
    r"passw|secret|token|authori[sz]ation|api[-_]?key|private_?key|credential|cookie|\bdsn\b|database_url",
    re.IGNORECASE,
)
_ID_OF_A_SECRET = re.compile(r"_(id|count)$", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(\w+://[^\s:/@]*:)[^\s@]+(?=@)")
_PASSWORD_IN_TEXT = re.compile(r"(?i)\b(password|passwd|secret|token|api[-_]?key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&]+")


def entry(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Every field fit for the log, and all of them together not too long."""
    cleaned = {clean(str(name)): value_of(str(name), value) for name, value in fields.items()}
    sizes = {name: _size(value) for name, value in cleaned.items()}
    if sum(sizes.values()) <= ENTRY_CHARACTERS_MAX:
        return cleaned
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= ENTRY_CHARACTERS_MAX:
            break
        cleaned[name] = cap(str(cleaned[name]), CUT_TO)
        sizes[name] = _size(cleaned[name])
    return cleaned


def value_of(name: str, value: Any) -> Any:
    """One field fit for the log."""
    if is_secret(name):
        return None if value is None else REDACTED
    return _value(value, DEPTH_MAX)


@lru_cache(1024)
def is_secret(name: str) -> bool:
    """Whether a field of that name is never shown."""
    return _SECRET_NAME.search(name) is not None and _ID_OF_A_SECRET.search(name) is None


def clean(text: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Text with hostile characters spelled as \\uXXXX, passwords blotted out, and an end."""
    capped = cap(text, characters_max)
    if "://" in capped:
        capped = _PASSWORD_IN_URL.sub(rf"\1{REDACTED}", capped)
    if "=" in capped or ":" in capped:
        capped = _PASSWORD_IN_TEXT.sub(rf"\1\2{REDACTED}", capped)
    return capped if capped.isprintable() else _HOSTILE.sub(_spell, capped)


def clean_lines(text: str, characters_max: int = ENTRY_CHARACTERS_MAX // 2) -> str:
    """The same for text of many lines that is ours, such as a traceback: lines stay lines, the end is what is kept."""
    kept = text if len(text) <= characters_max else "… " + text[-characters_max:]
    return "\n".join(clean(line) for line in kept.split("\n"))


def cap(text: str, characters_max: int) -> str:
    """Text with an end, saying how much is missing."""
    if len(text) <= characters_max:
        return text
    return f"{text[:characters_max]}… ({len(text) - characters_max} more characters)"


def _value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if depth > 0 and isinstance(value, Mapping):
        pairs = [(str(name), inner) for name, inner in list(value.items())[:ITEMS_MAX]]
        return {clean(name): REDACTED if is_secret(name) else _value(inner, depth - 1) for name, inner in pairs}
    if depth > 0 and isinstance(value, list | tuple | set | frozenset):
        return [_value(inner, depth - 1) for inner in list(value)[:ITEMS_MAX]]
    if type(value) is int and value.bit_length() < 64:
        return value
    return clean(_words(value))


def _words(value: Any) -> str:
    """Anything in words, before it is cleaned."""
    match value:
        case Enum():
            return str(value.value)
        case int():
            return _digits(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value[: TEXT_CHARACTERS_MAX + 1]).decode("utf-8", "backslashreplace")
        case date():
            return value.isoformat()
        case _:
            return _describe(value)


def _describe(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - somebody's __str__ is broken; the log entry is still wanted
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _digits(value: int) -> str:
    limit = sys.get_int_max_str_digits()
    return str(value) if not limit or value.bit_length() < 3 * limit else f"<integer of {value.bit_length()} bits>"


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(str(value))


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
