"""Every SQL statement of the product, by name: `store/sql/*.sql`, a header line `-- name: x`, then `-- role: y` or `y, z`.

The roles are those that run it; a test PREPAREs each statement under each of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEADER = re.compile(r"^-- name: (?P<name>\w+)\n-- role: (?P<roles>\w+(?:, \w+)*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One named statement. `text` holds its comment lines too; they cost nothing once prepared."""

    name: str
    roles: tuple[str, ...]
    text: str


@cache
def load() -> dict[str, Statement]:
    """Read all statements; a name used twice or a file without a header is an error of ours."""
    found: dict[str, Statement] = {}
    for entry in sorted(resources.files("hitl_stream.store").joinpath("sql").iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".sql"):
            continue
        source = entry.read_text(encoding="utf-8")
        headers = list(_HEADER.finditer(source))
        if not headers or len(headers) != source.count("-- name:"):
            raise ValueError(f"{entry.name}: a statement without a whole header")
        for header, following in zip(headers, [*headers[1:], None], strict=True):
            end = following.start() if following else len(source)
            text = source[header.end() : end].strip().rstrip(";")
            statement = Statement(header["name"], tuple(header["roles"].split(", ")), text)
            if statement.name in found:
                raise ValueError(f"{entry.name}: {statement.name} is defined twice")
            found[statement.name] = statement
    return found


def get(name: str) -> str:
    """The text of one statement."""
    return load()[name].text
