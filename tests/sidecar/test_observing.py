"""What is around every request: its id, headers, a line in the log without secrets, and how long it took."""

from __future__ import annotations

import asyncpg
import httpx2
import pytest
from structlog.testing import capture_logs

from hitl_stream.observe import metrics, tracing
from tests.harness.spans import Spans
from tests.sidecar.conftest import Upstream, bearer

REPORTED = """
INSERT INTO outcome (patch_id, source, event_id, topic, partition, record_offset, patch_digest, outcome, observed_at,
                     received_at, unapproved, payload_sha256)
SELECT patch_id, '/eureka', 'o-1', 'eureka.outcomes', 0, 1, patch_digest, $1, now(), now(), false, sha256('x') FROM patch"""


async def test_every_answer_has_an_id_and_keeps_browsers_from_mischief(client: httpx2.AsyncClient) -> None:
    for path in ("/livez", "/hitl/patches/nobody", "/nothing"):
        response = await client.get(path, headers={"X-Request-Id": "req-1"})
        assert response.headers["x-request-id"] == "req-1"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é"])
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(client: httpx2.AsyncClient, sent: str) -> None:
    response = await client.get("/livez", headers=[(b"X-Request-Id", sent.encode())])
    assert len(response.headers["x-request-id"]) == 32


async def test_the_log_tells_what_was_asked_and_nothing_secret(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    with capture_logs() as lines:
        await client.get("/hitl/patches/p-1/gate?digest=sha256:secret", headers={"X-Request-Id": "req-2"})
        await client.get("/livez")
    (line,) = lines
    assert (line["event"], line["route"], line["status"]) == (
        "request_answered", "/hitl/patches/{patch_id}/gate", 200,
    )  # fmt: skip
    assert line["request"] == "req-2"
    assert "secret" not in str(line)
    assert bearer("alice")["Authorization"].split(".")[1] not in str(line)


async def test_requests_are_measured_by_route_and_refusals_counted(client: httpx2.AsyncClient) -> None:
    def count(name: str, **labels: str) -> float:
        return metrics.REGISTRY.get_sample_value(name, labels) or 0.0

    labels = {"method": "GET", "route": "/hitl/patches/{patch_id}", "status": "4xx"}
    before = count("hitl_http_seconds_count", **labels), count("hitl_http_refusals_total", status="404")
    await client.get("/hitl/patches/nobody-here")
    after = count("hitl_http_seconds_count", **labels), count("hitl_http_refusals_total", status="404")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


async def test_a_broken_glass_rings(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    shown = await client.get("/hitl/patches/p-1")
    before = metrics.REGISTRY.get_sample_value("hitl_glass_broken_total") or 0.0
    headers = {**bearer("carol"), "If-Match": shown.headers["etag"]}
    with capture_logs() as lines:
        body = {"break_glass": True, "comment": "exploited"}
        assert (await client.post("/hitl/patches/p-1/approve", headers=headers, json=body)).status_code == 200
    (line,) = [line for line in lines if line["event"] == "glass_broken"]
    assert (line["log_level"], line["person"], line["patch_id"]) == ("critical", "carol", "p-1")
    assert metrics.REGISTRY.get_sample_value("hitl_glass_broken_total") == before + 1


@pytest.mark.parametrize("reported", ["deployed", "rolled_back"])
async def test_the_end_of_an_approval_of_what_is_deployed_rings(
    client: httpx2.AsyncClient, upstream: Upstream, database: str, reported: str
) -> None:
    await upstream.result()
    owner = await asyncpg.connect(database)
    await owner.execute(REPORTED, reported)
    before = metrics.REGISTRY.get_sample_value("hitl_unapproved_deployments_total") or 0.0
    headers = {"If-Match": (await client.get("/hitl/patches/p-1")).headers["etag"], "Idempotency-Key": "key"}
    with capture_logs() as lines:
        for _ in range(2):
            answer = await client.post(
                "/hitl/patches/p-1/revoke", headers=headers, json={"reason": "it breaks the build"}
            )
            assert answer.status_code == 200
    rings = reported == "deployed"
    said = [line for line in lines if line["event"] == "revoked_after_deployment"]
    assert [(line["log_level"], line["patch_id"]) for line in said] == [("error", "p-1")] * rings
    assert metrics.REGISTRY.get_sample_value("hitl_unapproved_deployments_total") == before + rings
    assert f"hitl_deployment_alarms {float(rings)}\n" in (await client.get("/metrics")).text
    rows = await owner.fetch("SELECT actor, seq FROM action WHERE action = 'revoked_after_deployment'")
    assert [tuple(row) for row in rows] == [("policy", 2)] * rings
    await owner.close()


async def test_how_long_people_take_is_measured_once_for_each_decision(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    def counted() -> list[float]:
        return [
            metrics.REGISTRY.get_sample_value("hitl_decision_seconds_count", {"decision": decision}) or 0.0
            for decision in ("approved", "rejected")
        ]

    async def reject(name: str, version: str) -> int:
        headers = {"If-Match": version, "Idempotency-Key": f"key-{name}"}
        return (await client.post(f"/hitl/patches/{name}/reject", headers=headers, json={"reason": "no"})).status_code

    for name in ("one", "two", "three"):
        given = {"patch_id": name, "apv_id": f"A-{name}", "patch__diff": name, "ml__confidence": 0.5}
        await upstream.result(f"e-{name}", **given)
    before, version = counted(), (await client.get("/hitl/patches/one")).headers["etag"]
    assert await reject("one", '"99"') == 412
    assert [await reject("one", version), await reject("one", version)] == [200, 200]
    assert [now - was for now, was in zip(counted(), before, strict=True)] == [0, 1]
    items = [{"patch_id": name, "version": version} for name in ("one", "two", "three")]
    for dry_run in (True, False):
        body = {"action": "approve", "items": items, "dry_run": dry_run}
        assert (await client.post("/hitl/patches/batch", json=body)).status_code == 200
    assert [now - was for now, was in zip(counted(), before, strict=True)] == [2, 1]


async def test_a_request_is_traced_when_its_sender_asks_for_it(client: httpx2.AsyncClient) -> None:
    with Spans() as spans:
        tracing.start(spans.endpoint, "hitl-sidecar")
        for flag in ("01", "00"):
            sent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-{flag}", "X-Request-Id": f"req-{flag}"}
            await client.get("/hitl/patches/nobody-here", headers=sent)
        await client.get("/hitl/patches/nobody-here", headers={"traceparent": "nonsense"})
        tracing.stop()
        (span,) = spans.found
    assert (span.name, span.trace_id, span.parent_id) == ("GET /hitl/patches/{patch_id}", "a" * 32, "b" * 16)
    assert span.attributes == {
        "http.request.method": "GET", "http.route": "/hitl/patches/{patch_id}", "http.response.status_code": 404,
        "hitl.request_id": "req-01",
    }  # fmt: skip
