"""The console's files over HTTP: what a browser may load and talk to, and that nothing beside them is served."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hitl_stream.sidecar import app
from hitl_stream.sidecar.console import NONCE, PAGES, Console, Login
from tests.sidecar.conftest import ISSUER, URL

SCRIPT = "export const much = 1;\n" * 100
PROVIDER = Login("https://login.example.org/realms/it", "hitl-console", "openid")


def built(folder: Path) -> Path:
    """As a build leaves it."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(f'<meta name="csp-nonce" content="{NONCE}"><div id="root">')
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "index-1.js").write_text(SCRIPT)
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    made = app.create(None, ISSUER, served=Console("staging", PROVIDER, built(tmp_path / "console")))
    transport = httpx2.ASGITransport(made, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


@pytest.mark.parametrize("page", PAGES)
async def test_every_address_is_the_same_page_with_a_policy_of_its_own(browser: httpx2.AsyncClient, page: str) -> None:
    first, second = await browser.get(page), await browser.get(f"{page}?id=x")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    nonces = []
    for response in (first, second):
        (policy,) = response.headers.get_list("content-security-policy")
        (nonce,) = re.findall("'nonce-([^']+)'", policy)
        assert f'content="{nonce}"' in response.text
        assert NONCE not in response.text
        nonces.append(nonce)
        allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert allowed["default-src"] == "'none'"
        assert allowed["script-src"] == "'self'"
        assert allowed["connect-src"] == "'self' https://login.example.org"
        assert allowed["frame-ancestors"] == "'none'"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        opener = "unsafe-none" if page == "/signed-in" else "same-origin-allow-popups"
        assert response.headers["cross-origin-opener-policy"] == opener
    assert nonces[0] != nonces[1]


async def test_what_is_named_after_its_content_is_kept_and_compressed(browser: httpx2.AsyncClient) -> None:
    plain = await browser.get("/assets/index-1.js", headers={"Accept-Encoding": "identity"})
    small = await browser.get("/assets/index-1.js", headers={"Accept-Encoding": "gzip"})
    assert plain.text == small.text == SCRIPT
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"].startswith("text/javascript")
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(small.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0)) < len(SCRIPT)
    assert (await browser.get("/icon.svg")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/other.js",
        "/assets/",
        "/assets/../index.html",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e",
        "/x",
        f"/assets/{'x' * 300}",
        f"/assets/{'😀' * 121}",
    ],
)
async def test_nothing_else_is_served(browser: httpx2.AsyncClient, path: str) -> None:
    response = await browser.get(path)
    assert response.status_code == 404
    assert "secret" not in response.text


async def test_the_console_is_told_how_to_log_in(browser: httpx2.AsyncClient) -> None:
    told = (await browser.get("/console/config")).json()
    assert told["environment"] == "staging"
    assert told["login"] == {
        "kind": "oidc",
        "issuer": "https://login.example.org/realms/it",
        "client_id": "hitl-console",
        "scope": "openid",
    }


async def test_a_console_that_is_not_built_says_so(tmp_path: Path) -> None:
    made = app.create(None, ISSUER, served=Console("local", Login(), tmp_path))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(made), base_url=URL) as client:
        response = await client.get("/")
        assert (response.status_code, response.json()["type"]) == (404, "/problems/console-not-built")
        assert (await client.get("/console/config")).json()["login"]["kind"] == "demo"
