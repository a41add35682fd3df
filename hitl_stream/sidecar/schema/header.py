"""Headers of answers, as the OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


def _header(description: str, schema: Mapping[str, Any], *, required: bool = False) -> Mapping[str, Any]:
    return {"description": description, "required": required, "schema": schema}


HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ETag": _header(
        "The version, to be sent as If-Match.", {"type": "string", "pattern": '^"[1-9][0-9]*"$'}, required=True
    ),
    "Link": _header("The next page, if there is one.", {"type": "string", "pattern": '^<[^>]+>; rel="next"$'}),
    "X-Total-Count": _header(
        "How many there are on all pages; `10000+` if there are more.",
        {"type": "string", "pattern": r"^[0-9]+\+?$"},
        required=True,
    ),
    "Idempotent-Replayed": _header(
        "There if the same request was answered before, and nothing was done this time.",
        {"type": "string", "enum": ["true"]},
    ),
    "WWW-Authenticate": _header("How to log in (RFC 6750).", {"type": "string"}, required=True),
    "Retry-After": _header("Seconds.", {"type": "integer", "minimum": 1}, required=True),
}
# What comes with a problem of this status.
OF_PROBLEMS: Final[Mapping[int, str]] = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
