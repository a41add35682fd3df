"""The list of open reviews: filters find what a look at every card finds, in every order, on every page."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import asyncpg
import httpx2
import pytest

from hitl_stream.sidecar import cursor
from hitl_stream.sidecar.queue import KEY_MAX
from hitl_stream.store import queue
from tests.sidecar.conftest import Upstream, bearer

PATH = "/hitl/patches/pending"
COUNT = 40
CLASSES = {"CWE-89": "sqli", "CWE-79": "xss", "CWE-22": "path_traversal", "CWE-1": "other"}

Card = dict[str, Any]


def drawn(number: int, chance: random.Random) -> dict[str, Any]:
    """What is different in one patch."""
    return {
        "patch_id": f"p-{number:03}",
        "apv_id": f"APV-{number}",
        "cve_id": f"CVE-2026-{10_000 + number % 7}",
        "patch__diff": f"diff {number}",
        "ml__confidence": round(chance.uniform(0.1, 0.94), 3),
        "ml__prediction": chance.random() < 0.7,
        "vulnerability__severity": chance.choice(["low", "medium", "high", "critical"]),
        "vulnerability__cwe_ids": chance.sample(sorted(CLASSES), 2),
        "vulnerability__package": chance.choice(["shop", "shop_core", "100%", "other"]),
        "vulnerability__ecosystem": chance.choice(["PyPI", "npm"]),
        "vulnerability__language": chance.choice(["python", "javascript"]),
        "vulnerability__summary": chance.choice(
            ["SQL injection in search", "Cross-site scripting", "Path traversal; SQL"]
        ),
        "patch__risk": chance.choice(["low", "medium", "high"]),
        "patch__strategy": chance.choice(["code_patch", "waf_rule"]),
    }


@pytest.fixture
async def cards(client: httpx2.AsyncClient, upstream: Upstream) -> list[Card]:
    """Every card of forty reviews."""
    chance = random.Random(11)
    for number in range(COUNT):
        await upstream.result(f"e-{number}", **drawn(number, chance))
    found: list[Card] = (await client.get(f"{PATH}?limit=200")).json()
    assert len(found) == COUNT
    return found


async def ask(client: httpx2.AsyncClient, query: str, who: str = "alice") -> list[Card]:
    response = await client.get(f"{PATH}?{query}&limit=200", headers=bearer(who))
    assert response.status_code == 200, response.text
    found: list[Card] = response.json()
    assert response.headers["x-total-count"] == str(len(found))
    return found


FILTERS: list[tuple[str, Callable[[Card], bool]]] = [
    ("severity=high", lambda c: c["severity"] == "high"),
    ("severity=HIGH&severity=critical", lambda c: c["severity"] in ("high", "critical")),
    ("risk=low", lambda c: c["risk"] == "low"),
    ("cwe=CWE-89", lambda c: "CWE-89" in c["cwe_ids"]),
    ("cwe_class=xss", lambda c: "CWE-79" in c["cwe_ids"]),
    ("cwe_class=sqli&cwe_class=path_traversal", lambda c: bool({"CWE-89", "CWE-22"} & set(c["cwe_ids"]))),
    ("package=shop", lambda c: c["package"] == "shop"),
    ("package=SHOP&package=100%25", lambda c: c["package"] in ("shop", "100%")),
    ("ecosystem=pypi", lambda c: c["ecosystem"] == "PyPI"),
    ("language=python", lambda c: c["language"] == "python"),
    ("strategy=waf_rule", lambda c: c["strategy"] == "waf_rule"),
    ("prediction=false", lambda c: c["ml_prediction"] is False),
    ("reason=prediction", lambda c: any(reason["rule"] == "prediction" for reason in c["reasons"])),
    ("cve=cve-2026-10003", lambda c: c["cve_id"] == "CVE-2026-10003"),
    ("confidence_min=0.5", lambda c: c["ml_confidence"] >= 0.5),
    ("confidence_min=0.2&confidence_max=0.5", lambda c: 0.2 <= c["ml_confidence"] <= 0.5),
    ("q=p-00", lambda c: c["patch_id"].startswith("p-00")),
    ("q=APV-1", lambda c: c["apv_id"].startswith("APV-1")),
    ("q=shop_", lambda c: c["package"] == "shop_core"),
    ("q=SHOP_", lambda c: c["package"] == "shop_core"),
    ("q=100%25", lambda c: c["package"] == "100%"),
    ("q=cve-2026-10001", lambda c: c["cve_id"] == "CVE-2026-10001"),
    ("claimed=nobody", lambda c: True),
    ("claimed=me", lambda c: False),
    ("older_than_s=3600", lambda c: False),
    ("severity=none", lambda c: False),
]


async def test_every_filter_finds_what_it_says(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    for query, wanted in FILTERS:
        expected = {card["patch_id"] for card in cards if wanted(card)}
        assert {card["patch_id"] for card in await ask(client, query)} == expected, query


async def test_filters_combine(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    chance = random.Random(5)
    for _ in range(60):
        chosen = chance.sample(FILTERS[:-4], 3)
        query = "&".join(query for query, _ in chosen)
        names = [set(re.findall(r"(\w+)=", one)) for one, _ in chosen]
        if sum(map(len, names)) > len(set.union(*names)):
            continue  # the same filter twice means either of both
        expected = {card["patch_id"] for card in cards if all(wanted(card) for _, wanted in chosen)}
        assert {card["patch_id"] for card in await ask(client, query)} == expected, query


async def test_words_of_the_summary_are_found(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    by_word = {card["patch_id"] for card in await ask(client, "q=sql")}
    both = {card["patch_id"] for card in await ask(client, f"q={quote('Injection, SQL')}")}
    assert both < by_word
    assert both


ORDERS: dict[str, Callable[[Card], Any]] = {
    "risk": lambda c: (-c["priority"], c["patch_id"]),
    "severity": lambda c: (-c["priority_factors"]["severity"], c["patch_id"]),
    "confidence": lambda c: (c["ml_confidence"], c["patch_id"]),
    "age": lambda c: (c["opened_at"], c["patch_id"]),
    "deadline": lambda c: (c["expires_at"], c["patch_id"]),
}


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_in_every_order_hold_every_review_once(
    client: httpx2.AsyncClient, cards: list[Card], order: str
) -> None:
    expected = [card["patch_id"] for card in sorted(cards, key=ORDERS[order]) if card["risk"] != "high"]
    seen, path = [], f"{PATH}?sort={order}&risk=low&risk=medium&limit=7"
    while path:
        response = await client.get(path)
        seen += [card["patch_id"] for card in response.json()]
        link = re.fullmatch('<(.*)>; rel="next"', response.headers.get("link", ""))
        path = link[1] if link else ""
    assert seen == expected
    skipped = (await client.get(f"{PATH}?sort={order}&risk=low&risk=medium&offset=5&limit=3")).json()
    assert [card["patch_id"] for card in skipped] == expected[5:8]


async def test_the_default_is_the_highest_priority_with_its_factors(
    client: httpx2.AsyncClient, cards: list[Card]
) -> None:
    assert [card["priority"] for card in cards] == sorted((card["priority"] for card in cards), reverse=True)
    assert all(card["priority"] == sum(card["priority_factors"].values()) for card in cards)


async def test_facets_count_what_the_filters_leave(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    for query, wanted in FILTERS[:6]:
        left = [card for card in cards if wanted(card)]
        body = (await client.get(f"/hitl/queue/facets?{query}")).json()
        assert (body["total"], body["exact"]) == (len(left), True)
        assert body["facets"]["severity"] == Counter(card["severity"] for card in left)
        assert body["facets"]["cwe"] == Counter(cwe.lower() for card in left for cwe in card["cwe_ids"])
        assert body["facets"]["ecosystem"] == Counter(card["ecosystem"].lower() for card in left)
        assert "word" not in body["facets"]


async def test_a_class_is_counted_once_per_review(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.5, vulnerability__cwe_ids=["CWE-79", "CWE-80", "cwe-79"])
    facets = (await client.get("/hitl/queue/facets")).json()["facets"]
    assert (facets["cwe_class"], facets["cwe"]) == ({"xss": 1}, {"cwe-79": 1, "cwe-80": 1})


async def test_no_text_of_upstream_is_too_much(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    """What is valid is recorded, listed and found, however long and odd: nothing of it may stop a partition."""
    long = "".join(chr(0x4E00 + random.Random(3).randrange(20_000)) for _ in range(30_000))
    for number, name in enumerate(("package", "ecosystem", "language", "summary")):
        given = {"patch_id": f"p-{name}", "apv_id": f"A-{name}", "ml__confidence": 0.5, "patch__diff": name}
        await upstream.result(f"e-{number}", **given, **{f"vulnerability__{name}": long})
    odd = ['"rule":"none"', "<b>", "\u202e", "\\", "%", "CWE-" + "9" * 5_000]
    given = {"patch_id": "p-cwe", "apv_id": "A-cwe", "ml__confidence": 0.5, "patch__diff": "cwe", "patch__author": long}
    await upstream.result("e-9", **given, vulnerability__cwe_ids=odd, cve_id="CVE-" + "1" * 200)
    cards = {card["patch_id"]: card for card in await ask(client, "")}
    assert cards.keys() == {"p-package", "p-ecosystem", "p-language", "p-summary", "p-cwe"}
    assert (cards["p-summary"]["summary"], cards["p-cwe"]["summary"]) == (long[:200], "SQL injection")
    assert {card["patch_id"] for card in await ask(client, f"cwe={quote(odd[0])}")} == {"p-cwe"}
    assert (await client.get("/hitl/patches/p-cwe")).json()["authors"][0]["author"] == long


async def test_who_held_an_older_round_holds_nothing(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result("e-1", ml__confidence=0.5)
    assert (await client.post("/hitl/patches/p-1/claim")).status_code == 200
    assert await ask(client, "turn=me", "bob") == await ask(client, "claimed=nobody") == []
    await upstream.result("e-2", ml__confidence=0.5, patch__diff="another")
    assert (await client.post("/hitl/patches/p-1/comment", json={"comment": "of the new one"})).status_code == 201
    assert [card["patch_id"] for card in await ask(client, "turn=me", "bob")] == ["p-1"]
    assert [card["claimed_by"] for card in await ask(client, "claimed=nobody")] == [None]
    assert await ask(client, "claimed=me") == []
    assert (await client.post("/hitl/patches/p-1/claim", headers=bearer("bob"))).status_code == 200


async def test_claims_filter(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    await client.post("/hitl/patches/p-003/claim")
    await client.post("/hitl/patches/p-004/claim", headers=bearer("bob"))
    assert [card["patch_id"] for card in await ask(client, "claimed=me")] == ["p-003"]
    assert len(await ask(client, "claimed=nobody")) == COUNT - 2


async def test_what_changes_is_found_by_what_it_is_now(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    changes = drawn(1, random.Random(1)) | {"vulnerability__severity": "low"}
    await upstream.result("e-1", **changes)
    assert len(await ask(client, "severity=low")) == 1
    await upstream.result("e-2", **(changes | {"vulnerability__severity": "critical", "wargame__run_id": "r-2"}))
    assert len(await ask(client, "severity=low")) == 0
    (card,) = await ask(client, "severity=critical")
    headers = {"If-Match": card["version"]}
    await client.post(f"/hitl/patches/{card['patch_id']}/reject", headers=headers, json={"reason": "no"})
    assert await ask(client, "severity=critical") == []
    owner = await asyncpg.connect(database)
    assert await owner.fetchval("SELECT count(*) FROM queue") == 0
    await owner.close()


@pytest.mark.parametrize(
    "query",
    [
        "severty=high", "limit=0", "limit=201", "limit=x", "offset=10001", "offset=-1", "sort=name", "claimed=bob",
        "confidence_min=2", "confidence_max=x", "confidence_min=1e9", "confidence_min=nan", "older_than_s=-1", "cursor=x",
        "q=a%00b", f"package={'x' * 256}", "severity=a&severity=b&risk=a&risk=b&cwe=a&cwe=b&cve=a&cve=b",
    ],
)  # fmt: skip
async def test_a_query_that_means_nothing_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    response = await client.get(f"{PATH}?{query}")
    assert (response.status_code, response.json()["status"]) == (422, 422)


async def test_a_bound_may_be_as_exact_as_numbers_are(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.1 + 0.2)
    for query in (f"confidence_min={0.1 + 0.2}", "confidence_min=3e-1", f"confidence_max={0.1 + 0.2}"):
        assert len(await ask(client, query)) == 1, query
    assert await ask(client, "confidence_max=1e-7") == []


@pytest.mark.parametrize("sort", ["age", "deadline"])
async def test_no_cursor_is_older_than_time_itself(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    await upstream.result(ml__confidence=0.5)
    monkeypatch.setattr("hitl_stream.store.queue.COUNT_MAX", 0)  # as in a list that is too long to sort
    given = {"sort": sort, "cursor": cursor.encode(sort, -KEY_MAX, "p")}
    assert (await client.get(f"{PATH}?{urlencode(given)}")).status_code == 422


async def test_a_cursor_is_good_for_its_order_only(client: httpx2.AsyncClient, cards: list[Card]) -> None:
    link = (await client.get(f"{PATH}?sort=age&limit=1")).headers["link"]
    given = re.search("cursor=([^&>]+)", link)
    assert given
    assert (await client.get(f"{PATH}?{urlencode({'sort': 'risk', 'cursor': given[1]})}")).status_code == 422


async def test_a_card_in_the_list_says_what_the_patch_says(
    client: httpx2.AsyncClient, upstream: Upstream, cards: list[Card]
) -> None:
    """Also after votes, claims, and results that change what is known, who made it, or nothing but the version."""
    changed: list[dict[str, Any]] = [
        {"patch__author": "somebody"},
        {"ml__confidence": 0.2},
        {"vulnerability__severity": "critical"},
        {"patch__author": None},
        {},
    ]
    for number, card in enumerate(cards[:20]):
        match number % 4:
            case 0 | 1:
                given = drawn(int(card["patch_id"].removeprefix("p-")), random.Random(number))
                await upstream.result(f"f-{number}", **(given | changed[number // 4]))
            case 2:
                await post(client, card, "claim", "alice")
            case 3:
                await post(client, card, "approve", "bob", await version_of(client, card))
    listed = (await client.get(f"{PATH}?limit=200")).json()
    assert {card["approvals_required"] for card in listed} == {1, 2, 3}
    for card in listed:
        patch = (await client.get(f"/hitl/patches/{card['patch_id']}")).json()
        for name in ("version", "round", "apv_id", "cve_id", "claimed_by", "approvals", "approvals_required"):
            assert card[name] == patch[name], (card["patch_id"], name)
        said = {one["rule"] for one in patch["verdict"]["rules"] if one["outcome"] != "passed"}
        assert {one["rule"] for one in card["reasons"]} <= said


async def test_a_long_name_of_a_package_is_shown_whole_and_found_by_its_beginning(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result("e-1", patch_id="p-1", ml__confidence=0.5, vulnerability__package="é" * 5_000)
    assert (await client.get(f"{PATH}?q={quote('é' * 200)}")).json()[0]["package"] == "é" * 5_000


async def test_a_package_is_found_as_it_is_written_and_whatever_it_takes_in_an_index(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result("e-1", patch_id="🧨" * 255, ml__confidence=0.5, vulnerability__package="🧨" * 5_000)
    await upstream.result("e-2", patch_id="p-2", ml__confidence=0.5, vulnerability__package="Écluse")
    assert [card["patch_id"] for card in await ask(client, f"package={quote('🧨' * 255)}")] == []
    assert [card["patch_id"] for card in await ask(client, f"q={quote('🧨' * 200)}")] == ["🧨" * 255]
    assert [card["patch_id"] for card in await ask(client, f"package={quote('Écluse')}")] == ["p-2"]


async def test_a_search_that_is_long_and_all_of_it_pattern_is_taken_as_text(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upstream.result("e-1", patch_id="p-1", ml__confidence=0.5, vulnerability__package="a" + "%" * 400)
    for sampled_from in (queue.SAMPLED_FROM, 0):
        monkeypatch.setattr(queue, "SAMPLED_FROM", sampled_from)
        assert [card["patch_id"] for card in await ask(client, f"q={quote('a' + '%' * 254)}")] == ["p-1"]
        assert await ask(client, f"q={quote('a' + '_' * 254)}") == []


async def version_of(client: httpx2.AsyncClient, card: Card) -> str:
    return (await client.get(f"/hitl/patches/{card['patch_id']}")).headers["ETag"]


async def post(client: httpx2.AsyncClient, card: Card, action: str, who: str, version: str | None = None) -> None:
    headers = bearer(who) | ({} if version is None else {"If-Match": version})
    response = await client.post(f"/hitl/patches/{card['patch_id']}/{action}", headers=headers, json={})
    assert response.status_code == 200, response.text
