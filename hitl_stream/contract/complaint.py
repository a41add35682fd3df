"""Says in one line what is wrong with a record, so that its producer can act on it.

What was got is upstream's text: hostile characters are spelled out, and everything has an end.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

REASON_CHARACTERS_MAX = 500
GOT_CHARACTERS_MAX = 80
PATH_CHARACTERS_MAX = 200
# pydantic speaks of Python's types; a producer knows JSON's.
_IN_JSON = {
    "model_type": "input should be an object",
    "dict_type": "input should be an object",
    "list_type": "input should be an array",
}


def line(text: str, characters_max: int = REASON_CHARACTERS_MAX) -> str:
    """Text on one line: whatever is not printable is spelled as \\uXXXX, and what is too long is cut."""
    cut = text if len(text) <= characters_max else text[: characters_max - 1] + "…"
    if cut.isprintable():
        return cut
    spelled = "".join([c if c.isprintable() else _spell(c) for c in cut])
    return spelled if len(spelled) <= characters_max else spelled[: characters_max - 1] + "…"


def got(value: Any) -> str:
    """A JSON value as it should stand in a reason: texts quoted, containers only named."""
    match value:
        case str():
            return f'"{line(value, GOT_CHARACTERS_MAX)}"'
        case bytes():
            return f'"{line(value[:GOT_CHARACTERS_MAX].decode("utf-8", "backslashreplace"), GOT_CHARACTERS_MAX)}"'
        case list():
            return f"an array of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
        case int() if value.bit_length() > 256:
            return f"an integer of {value.bit_length()} bits"
        case _:
            return json.dumps(value, default=str)


def lowered(message: str) -> str:
    """A message that stands after a colon."""
    return message[:1].lower() + message[1:]


def invalid(error: ValidationError, where: str) -> str:
    """The first problem that pydantic found, and how many more there are."""
    first = error.errors(include_url=False, include_context=False)[0]
    path = line(dotted((where, *first["loc"])), PATH_CHARACTERS_MAX)
    message = _IN_JSON.get(first["type"]) or lowered(first["msg"])
    what = "" if first["type"] == "missing" else f" (got {got(first['input'])})"
    more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return line(f"{path}: {message}{what}{more}")


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as in `data.wargame.exploits[0].error`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
