"""The way to the issuer's keys: by discovery or at a given address, over HTTP, never by a redirect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson
import pytest

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar import issuer
from tests.sidecar.signing import EC, published


@contextmanager
def serving(pages: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """A small HTTP server with these pages; a 302 leads to its body."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_keys_are_found_by_discovery_or_at_a_given_address() -> None:
    pages: dict[str, tuple[int, bytes]] = {"/keys": (200, published(EC))}
    with serving(pages) as url:
        pages["/.well-known/openid-configuration"] = (200, orjson.dumps({"issuer": url, "jwks_uri": f"{url}/keys"}))
        assert await issuer.keys_of(url, None)() == published(EC)
        assert await issuer.keys_of("https://elsewhere.example", f"{url}/keys")() == published(EC)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (lambda url: orjson.dumps({"issuer": "https://evil.example", "jwks_uri": f"{url}/keys"}), "another issuer"),
        (lambda url: orjson.dumps({"issuer": url}), "cannot be read"),
        (lambda url: orjson.dumps([url]), "cannot be read"),
        (lambda url: b"<html>", "cannot be read"),
        (lambda url: orjson.dumps({"issuer": url, "jwks_uri": "file:///etc/passwd"}), "away from https"),
        (lambda url: b" " * 1_000_001, "too large"),
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_leads_nowhere(said: Any, words: str) -> None:
    pages: dict[str, tuple[int, bytes]] = {"/keys": (200, published(EC))}
    with serving(pages) as url:
        pages["/.well-known/openid-configuration"] = (200, said(url))
        with pytest.raises(Unavailable, match=words):
            await issuer.keys_of(url, None)()


async def test_redirects_and_silence_are_no_answer() -> None:
    pages: dict[str, tuple[int, bytes]] = {"/keys": (200, published(EC))}
    with serving(pages) as url:
        pages["/moved"] = (302, f"{url}/keys".encode())
        for path in ("/moved", "/nothing"):
            with pytest.raises(Unavailable, match="does not answer"):
                await issuer.keys_of(url, f"{url}{path}")()
    with pytest.raises(Unavailable, match="does not answer"):
        await issuer.keys_of(url, f"{url}/keys")()
