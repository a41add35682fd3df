"""Asks the identity provider for its keys: at a configured address, or where its discovery document says (OpenID Connect).

Redirects are not followed: they would let the address that an operator wrote down be another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson

from hitl_stream.errors import Unavailable

TIMEOUT_S = 5.0
DOCUMENT_BYTES_MAX = 1_000_000


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirect)


def keys_of(issuer: str, jwks_url: str | None) -> Callable[[], Awaitable[bytes]]:
    """How to fetch the key set of this issuer. What is returned raises Unavailable."""

    async def fetch() -> bytes:
        return await asyncio.to_thread(_fetch_keys, issuer, jwks_url)

    return fetch


def _fetch_keys(issuer: str, jwks_url: str | None) -> bytes:
    return _get(jwks_url if jwks_url is not None else _discover(issuer))


def _discover(issuer: str) -> str:
    """Where the issuer says its keys are. Raises Unavailable."""
    document = _get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        members = orjson.loads(document)
        said, found = members["issuer"], members["jwks_uri"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unavailable("the issuer's discovery document cannot be read") from error
    if said != issuer or type(found) is not str:
        raise Unavailable("the issuer's discovery document is of another issuer")
    if (urlsplit(found).scheme, urlsplit(issuer).scheme) not in (
        ("https", "https"),
        ("https", "http"),
        ("http", "http"),
    ):
        raise Unavailable("the issuer's discovery document leads away from https")
    return found


def _get(url: str) -> bytes:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - http(s) is checked with the settings
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as response:
            document: bytes = response.read(DOCUMENT_BYTES_MAX + 1)
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise Unavailable(f"the issuer does not answer: {error}") from error
    if len(document) > DOCUMENT_BYTES_MAX:
        raise Unavailable("the issuer's document is too large")
    return document
