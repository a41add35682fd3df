"""The list of reviews and one patch: shapes, opaque ids, pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import pytest
from starlette.requests import Request

from hitl_stream.policy.verdict import Rule
from hitl_stream.sidecar import raw_path
from tests.event import DIFF, DROP, binary, data
from tests.sidecar.conftest import Upstream

CARD = [
    "patch_id", "round", "apv_id", "cve_id", "severity", "risk", "package", "ecosystem", "language", "strategy", "cwe_ids",
    "ml_confidence", "ml_prediction", "reasons", "opened_at", "expires_at", "claimed_by", "approvals", "approvals_required",
    "version",
]  # fmt: skip
DETAIL = [
    "patch_id", "round", "state", "version", "apv_id", "cve_id", "vulnerability", "patch", "results", "verdict", "approvals",
    "approvals_required", "claimed_by", "comments", "history", "related",
]  # fmt: skip


async def show(client: httpx2.AsyncClient, patch_id: str = "p-1") -> dict[str, Any]:
    response = await client.get(f"/hitl/patches/{quote(patch_id, safe='')}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


async def test_a_pending_review_has_the_shape_of_the_contract(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.91, vulnerability__ecosystem="PyPI")
    response = await client.get("/hitl/patches/pending?limit=50")
    (card,) = response.json()
    assert [member for member in CARD if member not in card] == []
    assert response.headers["x-total-count"] == "1"
    assert "link" not in response.headers
    assert card["reasons"] == [{"rule": "confidence", "outcome": "failed", "detail": "0.91 < 0.95", "distance": 0.04}]
    assert (card["package"], card["ecosystem"], card["cwe_ids"]) == ("shop", "PyPI", ["CWE-89"])
    assert (card["severity"], card["risk"], card["ml_confidence"], card["ml_prediction"]) == ("high", "low", 0.91, True)
    assert (card["claimed_by"], card["approvals"], card["approvals_required"]) == (None, [], 1)
    assert card["version"].startswith('"')


async def test_a_patch_has_the_shape_of_the_contract(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.91)
    response = await client.get("/hitl/patches/p-1")
    body = response.json()
    assert [member for member in DETAIL if member not in body] == []
    assert response.headers["etag"] == body["version"]
    assert (body["state"], body["round"]) == ("pending", 1)
    assert body["vulnerability"]["summary"] == "SQL injection"
    assert body["patch"]["diff"] == DIFF
    assert body["patch"]["patch_digest"].startswith("sha256:")
    (result,) = body["results"]
    assert (result["event_id"], result["ml"]["confidence"], result["wargame"]["run_id"]) == ("e-1", 0.91, "run-1")
    assert [entry["action"] for entry in body["history"]] == ["review_opened"]


async def test_every_rule_is_told_in_public_order_with_its_distance(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result(ml__confidence=0.91)
    verdict = (await show(client))["verdict"]
    assert (verdict["outcome"], verdict["policy_version"]) == ("review", 1)
    assert [rule["rule"] for rule in verdict["rules"]] == [str(rule) for rule in Rule]
    assert [rule["rule"] for rule in verdict["rules"] if rule["outcome"] != "passed"] == ["confidence"]
    (confidence,) = [rule for rule in verdict["rules"] if rule["rule"] == "confidence"]
    assert (confidence["detail"], confidence["distance"]) == ("0.91 < 0.95", 0.04)


async def test_an_approved_patch_has_passed_every_rule(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    body = await show(client)
    assert (body["state"], body["verdict"]["outcome"]) == ("approved", "approve")
    assert {rule["outcome"] for rule in body["verdict"]["rules"]} == {"passed"}
    assert [entry["action"] for entry in body["history"]] == ["approved"]


async def test_reasons_beyond_the_rules_are_told_too(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(wargame__expected_results=DROP)
    rules = (await show(client))["verdict"]["rules"]
    assert [rule["rule"] for rule in rules[len(Rule) :]] == ["completeness_unknown"]


async def test_a_new_result_moves_the_version(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.91)
    before = (await show(client))["version"]
    await upstream.result("e-2", ml__confidence=0.5, wargame__run_id="run-2")
    after = await show(client)
    assert after["version"] != before
    assert [result["event_id"] for result in after["results"]] == ["e-1", "e-2"]


async def test_an_approved_patch_of_the_same_vulnerability_is_related(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result()
    await upstream.result("e-2", patch_id="p-2", patch__diff=DIFF + "+more\n")
    assert [(other["patch_id"], other["state"], other["same"]) for other in (await show(client, "p-2"))["related"]] == [
        ("p-1", "approved", ["apv_id", "cve_id"])
    ]


async def test_what_waits_or_was_rejected_for_the_same_is_related(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    others = {
        "waits": {"apv_id": "a-1"},
        "cve": {"apv_id": "a-2", "cve_id": "CVE-2026-7"},
        "artefact": {"apv_id": "a-3", "patch__diff": DIFF},
        "stranger": {"apv_id": "a-4"},
    }
    for name, said in others.items():
        given = {"patch__diff": f"{DIFF}+{name}\n", "cve_id": f"CVE-2026-{name}", **said}
        await upstream.result(f"e-{name}", patch_id=name, ml__confidence=0.9, **given)
    seen = (await client.get("/hitl/patches/artefact")).headers["etag"]
    await client.post("/hitl/patches/artefact/reject", headers={"If-Match": seen}, json={"reason": "no"})
    await upstream.result("e-1", apv_id="a-1", cve_id="CVE-2026-7", ml__confidence=0.9)
    related = {other["patch_id"]: (other["state"], other["same"]) for other in (await show(client))["related"]}
    assert related == {
        "waits": ("pending", ["apv_id"]),
        "cve": ("pending", ["cve_id"]),
        "artefact": ("rejected", ["patch_digest"]),
    }


async def test_whatever_apv_id_a_result_names_relates_it(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    for name in ("waits", "rejected"):
        for number, apv_id in enumerate(("a-own-" + name, "a-1")):
            given = {"patch__diff": f"{DIFF}+{name}\n", "cve_id": f"CVE-2026-{name}", "wargame__run_id": f"r-{number}"}
            await upstream.result(f"e-{name}-{number}", patch_id=name, apv_id=apv_id, ml__confidence=0.9, **given)
    seen = (await client.get("/hitl/patches/rejected")).headers["etag"]
    await client.post("/hitl/patches/rejected/reject", headers={"If-Match": seen}, json={"reason": "no"})
    await upstream.result("e-1", apv_id="a-1", ml__confidence=0.9)

    async def related(patch_id: str) -> dict[str, tuple[str, list[str]]]:
        return {one["patch_id"]: (one["state"], one["same"]) for one in (await show(client, patch_id))["related"]}

    assert await related("p-1") == {"waits": ("pending", ["apv_id"]), "rejected": ("rejected", ["apv_id"])}
    assert await related("waits") == {"p-1": ("pending", ["apv_id"]), "rejected": ("rejected", ["apv_id"])}


async def test_of_the_same_cve_the_latest_ten_others_are_related(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    for number in range(13):
        given = {
            "apv_id": f"a-{number}",
            "patch__diff": f"{DIFF}+{number}\n",
            "cve_id": "CVE-2026-7",
            "ml__confidence": 0.9,
        }
        await upstream.result(f"e-{number}", patch_id=f"p-{number}", **given)
    for shown, others in (("p-12", range(2, 12)), ("p-0", range(3, 13))):
        assert {other["patch_id"] for other in (await show(client, shown))["related"]} == {f"p-{n}" for n in others}


IDS = [
    "a/b",
    "PATCH/2 of 3",
    "100%",
    "%2F",
    "a%20b",
    "ünï/cöde ☃",
    "?x=1&y#z",
    "a//b/",
    "+",
    "gate",
    "a\nb",
    "💥",
    "pend ing",
]


async def test_any_patch_id_works_percent_encoded(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.feed(
        *(binary(f"e-{n}", data(patch_id=patch_id, ml__confidence=0.9)) for n, patch_id in enumerate(IDS))
    )
    for patch_id in IDS:
        escaped = quote(patch_id, safe="")
        for path in (f"/{escaped}", f"/_?patch_id={escaped}", f"/_/?patch_id={escaped}"):
            assert (await client.get(f"/hitl/patches{path}")).json()["patch_id"] == patch_id
        for path in (f"/{escaped}/gate", f"/_/gate?patch_id={escaped}"):
            body = (await client.get(f"/hitl/patches{path}")).json()
            assert (body["patch_id"], body["reason"]) == (patch_id, "digest_required")


async def test_a_patch_named_like_a_route_is_reached_by_the_other_way(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    names = ("pending", "batch", "_")
    await upstream.feed(*(binary(f"e-{name}", data(patch_id=name, ml__confidence=0.9)) for name in names))
    for name in names:
        assert (await client.get(f"/hitl/patches/_/?patch_id={name}")).json()["patch_id"] == name


def test_an_id_that_is_sent_unescaped_is_the_same_one() -> None:
    sent = "é".encode().decode("latin-1")  # as the router has it
    assert raw_path.patch_id(Request({"type": "http", "path_params": {"patch_id": sent}})) == "é"
    assert raw_path.patch_id(Request({"type": "http", "path_params": {"patch_id": "%C3%A9"}})) == "é"


@pytest.mark.parametrize(
    "path", ["%70atches/%E2%82%AC", "patches%2F%E2%82%AC", "%70atches/a%252Fb/comment", "patches%2Fa%252Fb/claim"]
)
async def test_nothing_is_decoded_twice(client: httpx2.AsyncClient, upstream: Upstream, path: str) -> None:
    await upstream.result(patch_id="a/b", ml__confidence=0.9)
    for method in ("GET", "POST"):
        response = await client.request(method, f"/hitl/{path}", json={"comment": "about a%2Fb"})
        assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


async def test_what_comes_with_a_question_is_not_read(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    response = await client.request("GET", "/hitl/patches/p-1", content=b"x" * 100_000)
    assert response.status_code == 200


async def test_an_unknown_patch_is_a_problem(client: httpx2.AsyncClient) -> None:
    for path in ("/nobody", "/%FF", "/%00", f"/{'x' * 256}", "/_?patch_id=nobody"):
        response = await client.get(f"/hitl/patches{path}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json() == {"type": "/problems/unknown-patch", "title": "There is no such patch", "status": 404}


async def test_a_request_that_says_too_little_is_a_problem(client: httpx2.AsyncClient) -> None:
    for path in ("/_", "/_/gate", "/_?patch_id=a&patch_id=b", "/pending?limit=0", "/pending?limit=501"):
        response = await client.get(f"/hitl/patches{path}")
        assert (response.status_code, response.json()["status"]) == (422, 422)


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    severities = ["low", "critical", "medium", "high", "low", "critical", "high"]
    records = [
        binary(f"e-{n}", data(patch_id=f"p-{n}", apv_id=f"a-{n}", ml__confidence=0.9, vulnerability__severity=severity))
        for n, severity in enumerate(severities)
    ]
    await upstream.feed(*records)
    seen, path = [], "/hitl/patches/pending?limit=3"
    while path:
        response = await client.get(path)
        assert response.headers["x-total-count"] == "7"
        seen += response.json()
        path = response.links["next"]["url"] if "next" in response.links else ""
    assert len({card["patch_id"] for card in seen}) == len(seen) == 7
    assert [card["expires_at"] for card in seen] == sorted(card["expires_at"] for card in seen)
    assert [card["severity"] for card in seen[:2]] == ["critical", "critical"]


async def test_a_cursor_that_is_not_ours_is_a_problem(client: httpx2.AsyncClient) -> None:
    for cursor in ("x", "!!", "bnVsbA", "WzEsIDJd", "WzFlOTksICJhIl0", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwLCAiYSJd"):
        response = await client.get(f"/hitl/patches/pending?cursor={cursor}")
        assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-cursor")


async def test_an_unknown_path_is_a_problem(client: httpx2.AsyncClient) -> None:
    response = await client.get("/hitl/nothing")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_hostile_text_comes_back_as_it_was(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    text = "<script>alert(1)</script>\x1b[31m\u202e \\u0000 '; DROP TABLE patch; --"
    await upstream.result(ml__confidence=0.9, vulnerability__summary=text)
    assert (await show(client))["vulnerability"]["summary"] == text


async def test_numbers_come_back_as_long_as_they_were(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9, vulnerability__count=0)
    content = orjson.dumps(data(patch_id="p-2", ml__confidence=0.9, vulnerability__count=0))
    await upstream.feed(binary("e-2", content.replace(b'"count":0', b'"count":1%s' % (b"0" * 400))))
    assert (await show(client, "p-2"))["vulnerability"]["count"] == 10**400


async def test_deep_content_that_was_accepted_can_be_shown(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    await upstream.result(ml__confidence=0.9, vulnerability__deep=deep)
    assert (await show(client))["vulnerability"]["deep"] == deep
