"""Requests that mean to do harm, part by part: body, query, headers, ticket, line. What cannot be is refused as described."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import orjson
import pytest
import requests
from starlette.requests import Request
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from hitl_stream.sidecar.asked import read_body
from hitl_stream.sidecar.operation import OPERATIONS
from hitl_stream.sidecar.problem import Problem
from tests.harness import database as databases
from tests.harness.availability import scaled
from tests.harness.postgres import PostgresServer
from tests.sidecar import hostile, logged, populated, served
from tests.sidecar.conftest import Upstream, bearer

WAIT_S = 10.0
STEP = scaled(3, 1)  # each text for every third parameter


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with logged.harmless() as stream:
        yield stream


def check_refused(response: httpx2.Response, *statuses: int) -> None:
    assert response.status_code in (statuses or (413, 422)), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].startswith("/problems/")


# Where a body holds a text, and what else it needs.
FIELDS: list[tuple[str, bytes]] = [
    ("p-1/comment", b'{"comment": %s}'),
    ("p-1/approve", b'{"comment": %s}'),
    ("p-1/approve", b'{"break_glass": true, "comment": %s}'),
    ("p-1/reject", b'{"reason": %s}'),
    ("p-1/reject", b'{"reason": "x", "presets": [%s]}'),
    ("p-1/takeover", b'{"reason": %s}'),
    ("batch", b'{"action": %s, "items": [{"patch_id": "p-1"}]}'),
    ("batch", b'{"action": "reject", "reason": %s, "items": [{"patch_id": "p-1"}]}'),
    ("batch", b'{"action": "approve", "comment": %s, "items": [{"patch_id": "p-1"}]}'),
    ("batch", b'{"action": "approve", "presets": [%s], "items": [{"patch_id": "p-1"}]}'),
    ("batch", b'{"action": "approve", "items": [{"patch_id": %s}]}'),
    ("batch", b'{"action": "approve", "items": [%s]}'),
]


@pytest.mark.parametrize(("where", "body"), FIELDS)
async def test_what_is_no_text_is_refused_and_nothing_is_done(
    client: httpx2.AsyncClient, upstream: Upstream, written: io.StringIO, where: str, body: bytes
) -> None:
    await upstream.result(ml__confidence=0.9)
    before = (await client.get("/hitl/patches/p-1")).json()
    for value in hostile.NO_TEXTS:
        headers = {"If-Match": before["version"], "Content-Type": "application/json", **bearer("carol")}
        check_refused(await client.post(f"/hitl/patches/{where}", content=body % value, headers=headers))
    after = (await client.get("/hitl/patches/p-1")).json()
    assert (after["version"], after["history"]) == (before["version"], before["history"])


@pytest.mark.parametrize("action", ["comment", "approve", "reject", "takeover", "claim", "release", "revoke", "reopen"])
async def test_a_mebibyte_is_too_much_to_say(
    client: httpx2.AsyncClient, upstream: Upstream, written: io.StringIO, action: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    said = {"comment": "x" * 1_048_576, "reason": "x" * 1_048_576}
    check_refused(await client.post(f"/hitl/patches/p-1/{action}", json=said, headers={"If-Match": '"1"'}), 413)
    check_refused(await client.post("/hitl/patches/batch", json={**said, "action": "reject"}), 413)


NAMES = {
    path.replace("{patch_id}", "p-1"): [name for name, _ in operation.query] + ["patch_id"]
    for (method, path), operation in OPERATIONS.items()
    if method == "GET" and path.startswith("/hitl/")
}


@pytest.mark.parametrize("path", NAMES)
async def test_every_parameter_may_hold_anything(
    client: httpx2.AsyncClient, upstream: Upstream, written: io.StringIO, path: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    values = [quote(text, safe="") for text in hostile.TEXTS] + [
        *hostile.NO_VALUES,
        "x" * 30_000,
        "9" * 5_000,
        "-1",
        "1e999",
    ]
    for n, name in enumerate(NAMES[path]):
        for value in values[n % STEP :: STEP]:
            response = await client.get(f"{path}?{name}={value}", headers=bearer("alice"))
            if response.status_code != 200:
                check_refused(response, 422)
    for value in values:  # as a name
        response = await client.get(f"{path}?{value}=x")
        if response.status_code != 200:
            check_refused(response, 422)


@pytest.mark.parametrize(
    "name", ["If-Match", "Idempotency-Key", "X-Request-Id", "Authorization", "Content-Type", "Accept"]
)
async def test_every_header_may_hold_anything(
    client: httpx2.AsyncClient, upstream: Upstream, written: io.StringIO, name: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    for text in (*hostile.TEXTS, "x" * 60_000, "\0", "Bearer \u00e9", "Bearer a.b.c", "Bearer =.=.=", 'W/"1"', "*"):
        headers = {**bearer("alice"), "If-Match": '"1"', name: text}
        sent = [(key.encode(), value.encode()) for key, value in headers.items()]
        for place, content in (("p-1/reject", b'{"reason": 7}'), ("p-1/comment", b'{"comment": "x"}')):
            response = await client.post(f"/hitl/patches/{place}", headers=sent, content=content)
            assert response.status_code in (201, 401, 412, 422), response.text
            assert re.fullmatch("[!-~]{1,128}", response.headers["x-request-id"])
            assert not re.search(r"[\r\n]", "".join(response.headers.values()))
    entries = (await client.get("/hitl/audit?action=commented&limit=200")).json()
    assert all(re.fullmatch("[!-~]{1,128}", entry["request_id"]) for entry in entries)


async def test_nobody_of_the_demo_has_an_odd_name(client: httpx2.AsyncClient, written: io.StringIO) -> None:
    headers = {"Content-Type": "application/json"}
    for text in hostile.TEXTS:
        check_refused(await client.post("/demo/token", json={"name": text}), 404)
        check_refused(await client.post("/demo/token", content=b"{}", headers=[(b"Content-Type", text.encode())]), 415)
    for value in hostile.NO_TEXTS:
        content = b'{"name": %s}' % value
        check_refused(await client.post("/demo/token", content=content, headers=headers), 404, 422)


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[str]:
    with databases.migrated(postgres) as url, logged.harmless(), served.populated_sidecar(url) as address:
        yield address


def test_nobody_listens_with_an_odd_ticket_or_cursor(address: str) -> None:
    place = f"ws://{urlsplit(address).netloc}/hitl/live"
    for text in (*(quote(text, safe="") for text in hostile.TEXTS), *hostile.NO_VALUES):
        with pytest.raises(InvalidStatus):
            connect(f"{place}?ticket={text}", proxy=None)
        given = requests.post(f"{address}/hitl/live/ticket", headers=bearer("alice"), timeout=WAIT_S).json()["ticket"]
        with connect(f"{place}?ticket={given}&cursor={text}", proxy=None) as listening, pytest.raises(ConnectionClosed):
            listening.recv(timeout=WAIT_S)


def test_an_odd_id_is_told_as_it_is(address: str) -> None:
    place = f"ws://{urlsplit(address).netloc}/hitl/live"
    given = requests.post(f"{address}/hitl/live/ticket", headers=bearer("alice"), timeout=WAIT_S).json()["ticket"]
    with connect(f"{place}?ticket={given}", proxy=None) as listening:
        listening.recv(timeout=WAIT_S)
        path = f"{address}/hitl/patches/{quote(populated.FREE, safe='')}/claim"
        assert requests.post(path, headers=bearer("bob"), timeout=WAIT_S).status_code == 200
        told = orjson.loads(listening.recv(timeout=WAIT_S))
    assert (told["type"], told["patch_id"]) == ("claim_changed", populated.FREE)


LINES = [
    b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\rb\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\nEvil: b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n folded\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: \x1b[2J\x00\r\n\r\n",
    b"GET /livez\x1b[2J\xe2\x80\xae HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /hitl/patches/\xff\xfe\xed\xa0\x80/gate HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /hitl/patches/a%00%0d%0ab?x=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://evil.example/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //evil.example/%2e%2e/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G\x1bT /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"ODD /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /demo/token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /demo/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"\r\n" * 100 + b"\x00" * 100 + b"\r\n\r\n",
]


@pytest.mark.parametrize("sent", LINES)
def test_a_line_that_is_no_request_gets_a_refusal_and_ends_nothing(address: str, sent: bytes) -> None:
    place = urlsplit(address)
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=WAIT_S) as line:
        line.sendall(sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        line.shutdown(socket.SHUT_WR)
        answer = line.makefile("rb").read()
    status = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", answer)
    assert answer == b"" or (status is not None and status[1] < b"500"), answer[:300]
    assert b"evil" not in answer.lower()
    assert requests.get(f"{address}/livez", timeout=WAIT_S).status_code == 200


async def test_who_hangs_up_in_the_middle_of_a_body_is_no_failure_of_ours() -> None:
    said: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(said)

    with pytest.raises(Problem) as refused:
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive))
    assert refused.value.status == 408
