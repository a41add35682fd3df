"""Hostile text in every field that people or upstream can write: kept and shown as it was, or refused; and never in the way.

Every answer is held to the OpenAPI document (`described`), every line of the log must be harmless (`logged`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx2
import orjson
import pytest

from hitl_stream.contract.model import CONTROL
from tests.event import binary, data
from tests.sidecar import hostile, logged
from tests.sidecar.conftest import Upstream, bearer

pytestmark = pytest.mark.usefixtures("written")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with logged.harmless() as stream:
        yield stream


# What a spreadsheet takes for a formula, also behind what it skips.
FORMULAS = tuple("=+-@\t\r\n＝＋－＠")


def path(patch_id: str) -> str:
    return f"/hitl/patches/{quote(patch_id, safe='')}"


async def show(client: httpx2.AsyncClient, patch_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(path(patch_id))).json()
    return shown


async def say(
    client: httpx2.AsyncClient,
    patch_id: str,
    action: str,
    body: dict[str, Any],
    who: str = "alice",
    version: str | None = None,
) -> httpx2.Response:
    """What this person does to the patch as it stands."""
    version = version or (await show(client, patch_id))["version"]
    headers = {**bearer(who), "If-Match": version}
    return await client.post(f"{path(patch_id)}/{action}", headers=headers, json=body)


async def feed(upstream: Upstream, *patch_ids: str, **changes: Any) -> None:
    """A patch for each, waiting for a person unless the changes say otherwise."""
    given = {"ml__confidence": 0.9, **changes}
    await upstream.feed(
        *(
            binary(f"e-{n}", data(patch_id=name, apv_id=f"A-{name}"[:255], patch__diff=name, **given), key=b"k")
            for n, name in enumerate(patch_ids)
        )
    )


async def spoken(client: httpx2.AsyncClient, action: str) -> list[str]:
    """What people gave as their reason for this, oldest first."""
    entries = (await client.get(f"/hitl/audit?action={action}&limit=200")).json()
    return [entry["justification"] for entry in reversed(entries)]


DECISIONS = [
    ("approve", "comment", "approved"),
    ("reject", "reason", "rejected"),
    ("takeover", "reason", "claim_taken_over"),
    ("comment", "comment", "commented"),
]


@pytest.mark.parametrize(("action", "field", "noted"), DECISIONS)
async def test_what_people_say_is_kept_as_it_was(
    client: httpx2.AsyncClient, upstream: Upstream, action: str, field: str, noted: str
) -> None:
    names = [f"p-{n}" for n in range(len(hostile.TEXTS))]
    await feed(upstream, *names)
    for name, text in zip(names, hostile.TEXTS, strict=True):
        if action == "takeover":
            await client.post(f"{path(name)}/claim", headers=bearer("bob"))
        response = await say(client, name, action, {field: text})
        assert response.is_success, response.text
        history = (await show(client, name))["history"]
        assert text in [entry["justification"] for entry in history]
    assert await spoken(client, noted) == [*hostile.TEXTS]


async def test_what_ends_or_opens_again_is_kept_as_it_was(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    names = [f"p-{n}" for n in range(len(hostile.TEXTS))]
    await feed(upstream, *names)
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE patch SET state = 'expired', seq = 1, version = version + 1")
    await owner.close()
    for name, text in zip(names, hostile.TEXTS, strict=True):
        version = '"2"'
        for action in ("reopen", "approve", "revoke"):
            body = {"reason": text, "comment": text}
            response = await say(client, name, action, body, version=version)
            assert response.status_code == 200, response.text
            version = response.headers["etag"]
    for action in ("reopened", "approved", "revoked"):
        assert await spoken(client, action) == [*hostile.TEXTS], action


async def test_what_is_said_of_many_is_kept_as_it_was(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    names = [f"p-{n}" for n in range(len(hostile.TEXTS))]
    await feed(upstream, *names)
    for name, text in zip(names, hostile.TEXTS, strict=True):
        items = [{"patch_id": name, "version": '"1"'}, {"patch_id": text[:255], "version": text}]
        body = {"action": "reject", "items": items, "reason": text, "comment": text}
        results = (await client.post("/hitl/patches/batch", json=body)).json()["results"]
        assert [(one["patch_id"], one["status"]) for one in results] == [(name, 200), (text[:255], 404)]
    assert await spoken(client, "rejected") == [*hostile.TEXTS]


async def test_glass_is_broken_for_a_reason_that_stays_as_it_was(
    client: httpx2.AsyncClient, upstream: Upstream, written: io.StringIO
) -> None:
    names = [text[:255] for text in hostile.TEXTS]
    await feed(upstream, *names, vulnerability__severity="critical")
    for name in names:
        body = {"break_glass": True, "comment": name}
        assert (await say(client, name, "approve", body, "carol")).status_code == 200
        response = await say(client, name, "comment", {"reviews_glass": True, "comment": name})
        assert response.status_code == 201
    assert await spoken(client, "glass_broken") == await spoken(client, "glass_reviewed") == names
    assert written.getvalue().count('"event":"glass_broken"') == len(names)


async def test_exports_hold_what_was_said(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await feed(upstream, "p")
    for text in hostile.TEXTS:
        assert (await say(client, "p", "comment", {"comment": text})).status_code == 201
    query = "/hitl/audit?action=commented&format="
    lines = (await client.get(f"{query}jsonl")).content.removesuffix(b"\n").split(b"\n")
    assert [orjson.loads(line)["justification"] for line in reversed(lines)] == [*hostile.TEXTS]
    sheet = (await client.get(f"{query}csv")).content.decode()
    head, *rows = csv.reader(io.StringIO(sheet, newline=""))
    said = [row[head.index("justification")] for row in reversed(rows)]
    assert [cell.removeprefix("'") for cell in said] == [text.removeprefix("'") for text in hostile.TEXTS]
    assert [cell for row in rows for cell in row if cell.startswith(FORMULAS)] == []


NAMED_LIKE_ROUTES = {"_", "pending"}
ODD = {"a/b", "%2F", "..%2f", "%", "\\", "?", "#", ";", "batch", "\u00e9", "e\u0301", *NAMED_LIKE_ROUTES}
IDS = sorted({text[:255] for text in hostile.TEXTS} | ODD)


async def test_every_id_names_one_patch(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await feed(upstream, *IDS)
    listed = (await client.get("/hitl/patches/pending?limit=200")).json()
    assert sorted(card["patch_id"] for card in listed) == IDS
    for name in IDS:
        escaped = quote(name, safe="")
        for place in (f"/hitl/patches/_?patch_id={escaped}", *([] if name in NAMED_LIKE_ROUTES else [path(name)])):
            shown = (await client.get(place)).json()
            assert (shown["patch_id"], shown["patch"]["diff"]) == (name, name)
        assert (await client.get(f"/hitl/patches/_/gate?patch_id={escaped}&digest=x")).json()["patch_id"] == name
        assert (await client.post(f"/hitl/patches/_/claim?patch_id={escaped}")).json()["patch_id"] == name
        entries = (await client.get(f"/hitl/audit?patch_id={escaped}&action=claimed")).json()
        assert [entry["patch_id"] for entry in entries] == [name]


async def test_what_can_be_no_id_names_no_patch(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await feed(upstream, *IDS)
    for name in (*hostile.NO_VALUES, quote("x" * 256), quote("💥" * 256), "x" * 20_000):
        for place in (f"/hitl/patches/{name}", f"/hitl/patches/{name}/gate"):
            assert (await client.get(place)).status_code == 404, place
        assert (await client.post(f"/hitl/patches/{name}/claim")).status_code == 404
        assert (await client.get(f"/hitl/patches/_?patch_id={name}")).status_code in (404, 422)


async def test_what_upstream_sends_is_shown_as_it_was(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    for n, text in enumerate(hostile.TEXTS):
        sent = written_by_upstream(f"p-{n}", text)
        event_id = CONTROL.sub("", f"e-{n}-{text}")[:255]
        await upstream.feed(binary(event_id, sent, source=f"/{n}/{''.join(event_id.split())}"[:255]))
        shown = await show(client, f"p-{n}")
        assert shown["apv_id"] == shown["cve_id"] == text[:255]
        cvss = shown["cvss"]
        assert shown["vulnerability"] == {**sent["vulnerability"], "severity": None}
        assert (cvss["vector"], cvss["score"], cvss["metrics"]) == (text, None, [])
        for name in ("diff", "strategy", "author", "pr_url", "commit_sha", "flag_reason"):
            assert shown["patch"][name] == text
        (result,) = shown["results"]
        assert result["event_id"] == event_id
        assert (result["wargame"], result["ml"], result["runtime"]) == (sent["wargame"], sent["ml"], sent["runtime"])
        assert [author["author"] for author in shown["authors"]] == [text]
    cards = {card["patch_id"]: card for card in (await client.get("/hitl/patches/pending?limit=200")).json()}
    for n, text in enumerate(hostile.TEXTS):
        card = cards[f"p-{n}"]
        assert (card["package"], card["ecosystem"], card["language"], card["cwe_ids"]) == (text, text, text, [text])
        found = (await client.get(f"/hitl/patches/pending?package={quote(text[:255], safe='')}")).json()
        assert f"p-{n}" in [one["patch_id"] for one in found], text
    assert (await client.get("/hitl/queue/facets")).json()["exact"] is True


def written_by_upstream(patch_id: str, text: str) -> dict[str, Any]:
    """A result with this text wherever upstream can write one."""
    named = {
        "cvss_vector",
        "summary",
        "description",
        "package",
        "ecosystem",
        "language",
        "current_version",
        "target_version",
    }
    listed = {"cwe_ids", "references", "affected_systems"}
    wargame = data()["wargame"]
    return data(
        patch_id=patch_id,
        apv_id=text[:255],
        cve_id=text[:255],
        vulnerability={"severity": text, **dict.fromkeys(named, text), **{name: [text] for name in listed}, text: text},
        patch=dict.fromkeys(("diff", "strategy", "risk", "author", "pr_url", "commit_sha", "flag_reason"), text),
        wargame={
            **wargame,
            "run_id": text[:255],
            "method": text[:255],
            "exploits": [{**wargame["exploits"][0], "exploit_id": text[:255], "category": text, "error": text}],
        },
        ml={"prediction": True, "confidence": 0.9, "model_version": text, "shap_values": {text: 0.5}},
        runtime={"ab_arm": text},
    )
