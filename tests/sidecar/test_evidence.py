"""What a reviewer is shown of the evidence: results page by page, what each proves, and the vector spelled out."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_stream.sidecar import cvss_vector
from hitl_stream.store import review
from tests.event import DIFF, DROP, binary, data
from tests.sidecar.conftest import Upstream

V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:N"
V40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N"
V20 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"


async def show(client: httpx2.AsyncClient) -> dict[str, Any]:
    response = await client.get("/hitl/patches/p-1")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


# Scores as FIRST's calculators give them.
@pytest.mark.parametrize(
    ("vector", "version", "score", "severity", "count"),
    [
        (V31, "3.1", 8.2, "high", 8),
        (V31.replace("3.1", "3.0") + "/E:P/RL:X", "3.0", 8.2, "high", 10),
        (V40, "4.0", 5.1, "medium", 11),
        (V20, "2.0", 7.5, "high", 6),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", "3.1", 0.0, "none", 8),
    ],
)
def test_a_vector_is_spelled_out(vector: str, version: str, score: float, severity: str, count: int) -> None:
    found = cvss_vector.read(vector, score)
    assert found is not None
    assert (found["version"], found["score"], found["severity"]) == (version, score, severity)
    assert (len(found["metrics"]), found["problem"]) == (count, None)
    assert found["metrics"][0]["name"] in ("Attack Vector", "Access Vector")


def test_a_score_that_the_vector_does_not_give_is_told() -> None:
    found = cvss_vector.read(V31, 8.6)
    assert found is not None
    assert (found["score"], found["problem"]) == (8.2, "the score beside it is 8.6")


@pytest.mark.parametrize("vector", ["x", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N", f"{V31}/AV:N", "/" * 513, f"{V31}/A:Ÿ"])
def test_a_vector_that_is_none_is_shown_with_what_is_wrong(vector: str) -> None:
    found = cvss_vector.read(vector, None)
    assert found is not None
    assert found["vector"] == vector
    assert found["problem"]
    assert (found["score"], found["metrics"]) == (None, [])


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(f"{V31}/{V40}/{V20}/E:X/S:".split("/"))).map("/".join)),
    st.none() | st.floats(),
)
def test_no_vector_breaks_a_card(vector: str, told: float | None) -> None:
    found = cvss_vector.read(vector, told)
    assert (found is None) is (vector == "")


async def test_the_detail_spells_the_vector_out(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9, vulnerability__cvss_vector=V31, vulnerability__cvss_score=8.2)
    told = await show(client)
    assert told["vulnerability"]["cvss_vector"] == V31
    assert (told["cvss"]["severity"], told["cvss"]["problem"]) == ("high", None)
    assert told["cvss"]["metrics"][0] == {"metric": "AV", "name": "Attack Vector", "value": "N", "means": "Network"}


async def test_without_a_vector_there_is_none(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    assert (await show(client))["cvss"] is None


async def test_a_flag_sticks_with_its_reason_whatever_a_later_result_says(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result(patch__flagged=True, patch__flag_reason="backdoor?")
    await upstream.result("e-2", patch__flagged=False, wargame__run_id="run-2")
    patch = (await show(client))["patch"]
    assert (patch["flagged"], patch["flag_reason"]) == (True, "backdoor?")


async def test_what_each_result_proves_is_told(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9, ml__shap_values={"lines_added": 0.02})
    await upstream.result("e-2", wargame__status="failed", wargame__run_id="run-2")
    first, second = (await show(client))["results"]
    assert first["concluded"] == {"wargame": "passed", "detail": None, "exploit_worked_after": False}
    assert first["ml"]["shap_values"] == {"lines_added": 0.02}
    assert second["concluded"]["wargame"] == "failed"
    assert second["concluded"]["detail"] == "the wargame says failed"


async def test_more_results_than_a_page_holds_follow_page_by_page(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "RESULTS_MAX", 3)
    # Only the last one brings the diff: the card shows it all the same.
    await upstream.feed(
        *(
            binary(
                f"e-{n}",
                data(ml__confidence=0.9, wargame__run_id=f"run-{n}", **({} if n == 7 else {"patch__diff": DROP})),
            )
            for n in range(8)
        )
    )
    response = await client.get("/hitl/patches/p-1")
    body, seen = response.json(), [result["event_id"] for result in response.json()["results"]]
    assert (body["results_truncated"], len(seen), body["patch"]["diff"]) == (True, 3, DIFF)
    assert [rule["rule"] for rule in body["verdict"]["rules"]] == ["confidence"]
    await upstream.result("later", ml__confidence=0.9, patch__diff=DIFF + "+more\n")  # another round meanwhile
    while "next" in response.links:
        response = await client.get(response.links["next"]["url"], params=None)
        seen += [result["event_id"] for result in response.json()]
    assert seen == [f"e-{n}" for n in range(8)]


async def test_a_page_is_bounded_in_bytes_but_never_empty(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "RESULT_BYTES_MAX", 1)
    await upstream.result(ml__confidence=0.9)
    await upstream.result("e-2", wargame__run_id="run-2")
    seen, path = [], "/hitl/patches/p-1/results"
    while path:
        response = await client.get(path)
        (only,) = response.json()
        seen.append(only["event_id"])
        path = response.links["next"]["url"] if "next" in response.links else ""
    assert seen == ["e-1", "e-2"]


async def test_results_of_an_earlier_round_can_be_read(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    await upstream.result("e-2", ml__confidence=0.9, patch__diff=DIFF + "+more\n")
    rounds = {}
    for asked in ("", "?round=1", "?round=2", "?round=3"):
        response = await client.get(f"/hitl/patches/p-1/results{asked}")
        rounds[asked] = [result["event_id"] for result in response.json()]
    assert rounds == {"": ["e-2"], "?round=1": ["e-1"], "?round=2": ["e-2"], "?round=3": []}


async def test_what_an_earlier_round_was_about_can_be_read(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    first = (await show(client))["patch"]
    await upstream.result("e-2", ml__confidence=0.9, patch__diff=DIFF + "+more\n")
    again = await show(client)
    assert (again["since_last_look"]["round"], again["since_last_look"]["changed"]) == (
        1,
        ["artefact", "evidence", "decision"],
    )
    told = {asked: (await client.get(f"/hitl/patches/p-1/artefact{asked}")).json() for asked in ("", "?round=1")}
    assert told[""] == {
        "patch_id": "p-1",
        "round": 2,
        "patch_digest": again["patch"]["patch_digest"],
        "diff": DIFF + "+more\n",
    }
    assert told["?round=1"] == {"patch_id": "p-1", "round": 1, "patch_digest": first["patch_digest"], "diff": DIFF}


async def test_of_a_round_without_a_diff_it_is_said_that_there_is_none(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result(patch__diff=DROP, ml__confidence=0.9)
    told = (await client.get("/hitl/patches/p-1/artefact")).json()
    assert (told["round"], told["patch_digest"], told["diff"]) == (1, None, None)


async def test_a_round_that_there_never_was(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    response = await client.get("/hitl/patches/p-1/artefact?round=2")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-round")
    for query in ("round=0", "round=x", "limit=1"):
        assert (await client.get(f"/hitl/patches/p-1/artefact?{query}")).status_code == 422
    assert (await client.get("/hitl/patches/nobody/artefact")).status_code == 404


async def test_a_patch_named_like_the_other_way_has_its_pages(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(patch_id="_", ml__confidence=0.9)
    await upstream.result("e-2", patch_id="_", ml__confidence=0.9, wargame__run_id="run-2")
    first = await client.get("/hitl/patches/_/results?patch_id=_&limit=1")
    second = await client.get(first.links["next"]["url"])
    assert [result["event_id"] for result in (*first.json(), *second.json())] == ["e-1", "e-2"]


async def test_results_that_cannot_be_asked_for(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    for query in ("round=0", "round=x", "limit=0", "cursor=x", "cursor=WzEsMiwzXQ", "order=worst", "round=9999999999"):
        assert (await client.get(f"/hitl/patches/p-1/results?{query}")).status_code == 422
    assert (await client.get("/hitl/patches/nobody/results")).status_code == 404
