"""The review console: its files as they were built into the package, and what it has to know before anybody is logged in.

It may load nothing but its own files and talk to nobody but this sidecar and the identity provider (Content-Security-Policy);
what is not named after its content is never cached.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from hitl_stream import __version__
from hitl_stream.sidecar import reply
from hitl_stream.sidecar.problem import Problem

# The addresses at which the console shows something: all of them are the same page.
SIGNED_IN: Final = "/signed-in"
PAGES: Final = ("/", "/patch", "/audit", "/numbers", SIGNED_IN)
NONCE: Final = "__CSP_NONCE__"
NAME_MAX: Final = 128  # bytes, fewer than any file system takes
_COMPRESSED_FROM: Final = 1_024
_TEXTUAL: Final = ("text/", "application/javascript", "application/json", "image/svg")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Login:
    """How people log in: as one of the demo, or with a provider to which the console is the public client `client_id`."""

    issuer: str | None = None
    client_id: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes | None
    media_type: str


@dataclass(slots=True)
class Console:
    """What is served. `folder` holds index.html, and beside it and in `assets` what that loads."""

    environment: str
    login: Login
    folder: Traversable = field(default_factory=lambda: files("hitl_stream") / "console")
    _files: dict[str, _File] = field(default_factory=dict)

    def file(self, name: str) -> _File:
        """A built file; read once. Raises Problem 404."""
        if name not in self._files:
            content = self._read(name)
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            small = media_type.startswith(_TEXTUAL) and len(content) >= _COMPRESSED_FROM
            self._files[name] = _File(content, gzip.compress(content, 9, mtime=0) if small else None, media_type)
        return self._files[name]

    def _read(self, name: str) -> bytes:
        parts = name.split("/")
        if not all(parts) or ".." in name or len(name.encode()) > NAME_MAX:
            raise Problem(404, "not-found", "Not Found")
        found = self.folder
        for part in parts:
            found = found / part
        if not found.is_file():
            raise Problem(404, "not-found", "Not Found")
        return found.read_bytes()

    def page(self, path: str) -> Response:
        """The page, with a nonce of its own for the styles that it makes.

        A window in which somebody logs in comes back from the provider to SIGNED_IN: it is not cut off from who opened it.
        """
        try:
            file = self.file("index.html")
        except Problem as none:
            told = "`make console` builds it."
            raise Problem(404, "console-not-built", "The console is not built", told) from none
        nonce = token_urlsafe(16)
        text = file.content.decode().replace(NONCE, nonce)
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": self._policy(nonce),
            "Cross-Origin-Opener-Policy": "unsafe-none" if path == SIGNED_IN else "same-origin-allow-popups",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }
        return Response(text, headers=headers, media_type="text/html; charset=utf-8")

    def _policy(self, nonce: str) -> str:
        allowed = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": f"'self' 'nonce-{nonce}'",
            "img-src": "'self'",
            "worker-src": "'self'",
            "connect-src": " ".join(("'self'", *self._provider())),
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return "; ".join(f"{name} {value}" for name, value in allowed.items())

    def _provider(self) -> tuple[str, ...]:
        if self.login.issuer is None:
            return ()
        at = urlsplit(self.login.issuer)
        return (f"{at.scheme}://{at.netloc}",)


def _console(request: Request) -> Console:
    found: Console = request.app.state.console
    return found


async def show_page(request: Request) -> Response:
    """The console, at whichever of its pages."""
    return _console(request).page(request.url.path)


for _page in PAGES:
    router.add_api_route(_page, show_page, methods=["GET"])


@router.get("/assets/{name}")
async def show_asset(request: Request, name: str) -> Response:
    """A file that is named after its content: kept for a year."""
    return _sent(request, f"assets/{name}", "public, max-age=31536000, immutable")


@router.get("/icon.svg")
async def show_icon(request: Request) -> Response:
    """The icon of the page."""
    return _sent(request, "icon.svg", "public, max-age=3600")


@router.get("/console/config")
async def show_config(request: Request) -> Response:
    """Which build this is, and how to log in."""
    console = _console(request)
    login = console.login
    told = {
        "build": __version__,
        "environment": console.environment,
        "login": {
            "kind": "demo" if login.issuer is None else "oidc",
            "issuer": login.issuer,
            "client_id": login.client_id,
            "scope": login.scope,
        },
    }
    return reply.make(told).response()


def _sent(request: Request, name: str, caching: str) -> Response:
    file = _console(request).file(name)
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    if file.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(file.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)
