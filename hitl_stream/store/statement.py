"""Every SQL statement of the product, by name: `store/sql/*.sql`, a header line `-- name: x`, then `-- role: y`.

The role is the least one that may run it; a test PREPAREs each statement under that role.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_HEADER = re.compile(r"^-- name: (?P<name>\w+)\n-- role: (?P<role>\w+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One named statement. `text` holds its comment lines too; they cost nothing once prepared."""

    name: str
    role: str
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
        if not headers:
            raise ValueError(f"{entry.name}: no statement header")
        for header, following in zip(headers, [*headers[1:], None], strict=True):
            end = following.start() if following else len(source)
            statement = Statement(header["name"], header["role"], source[header.end() : end].strip().rstrip(";"))
            if statement.name in found:
                raise ValueError(f"{entry.name}: {statement.name} is defined twice")
            found[statement.name] = statement
    return found


def get(name: str) -> str:
    """The text of one statement."""
    return load()[name].text
