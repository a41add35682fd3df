"""How many reviews wait: exact up to a limit, and beyond it surely more, also where a sample of the table has to say so."""

from __future__ import annotations

import asyncpg
import httpx2
import pytest

from hitl_stream.store import queue, statement
from tests.sidecar.conftest import Upstream


async def test_what_is_common_among_many_is_counted_by_a_sample(
    client: httpx2.AsyncClient, upstream: Upstream, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        given = {"patch_id": f"p-{n}", "apv_id": f"a-{n}", "patch__diff": f"{n}", "ml__confidence": 0.5}
        name = "rare" if n == 0 else "common"
        await upstream.result(f"e-{n}", **given, vulnerability__ecosystem=name, vulnerability__package=name)
    owner = await asyncpg.connect(database)
    columns = """apv_id, cve_id, package, tags, ml_confidence, severity_points, risk_points, doubt_points, opened_at,
                 expires_at, round, version, synthetic"""
    await owner.execute(f"""INSERT INTO queue (patch_id, {columns})
                            SELECT 'copy-' || n, {columns} FROM queue, generate_series(1, 3000) AS n WHERE patch_id = 'p-1'""")
    await owner.execute("ANALYZE queue")
    monkeypatch.setattr(queue, "COUNT_MAX", 20)
    monkeypatch.setattr(queue, "FEW_MAX", 40)
    monkeypatch.setattr(queue, "SAMPLES_ROWS", (300, 1_500))  # the first cannot tell: what is common lies together
    monkeypatch.setattr(queue, "FACETS_ROWS", 1_500)
    counted: list[str] = []
    totals: dict[str, str] = {}
    real = statement.get

    def noted(name: str) -> str:
        counted.append(name)
        return real(name)

    monkeypatch.setattr(statement, "get", noted)
    for sampled_from in (0, 1_000_000):
        monkeypatch.setattr(queue, "SAMPLED_FROM", sampled_from)
        for ecosystem, total in (("common", "21"), ("rare", "1")):
            counted.clear()
            response = await client.get(f"/hitl/patches/pending?ecosystem={ecosystem}&limit=1")
            assert response.headers["x-total-count"] == total
            samples = {"common": 2, "rare": 1}[ecosystem] if sampled_from == 0 else 0
            assert counted.count("queue_sample") == samples
            assert ("queue_few" in counted) is (sampled_from > 0 or ecosystem == "rare")
            assert ("queue_by_priority" in counted) is (ecosystem == "common")
            assert "queue_count" not in counted
            facets = (await client.get(f"/hitl/queue/facets?ecosystem={ecosystem}")).json()["facets"]
            assert (facets["ecosystem"][ecosystem] == 1) is (ecosystem == "rare")
            if ecosystem == "rare":
                assert [card["ecosystem"] for card in response.json()] == ["rare"]
            counted.clear()
            response = await client.get(f"/hitl/patches/pending?q={ecosystem[:4]}&limit=1")
            assert response.headers["x-total-count"] == total
            assert ("queue_beginning" in counted) is (sampled_from == 0)
            assert ("queue_sample" in counted) is (sampled_from == 0 and ecosystem == "rare")
            assert ("queue_by_priority" in counted) is (ecosystem == "common")
        counted.clear()
        everything = await client.get("/hitl/patches/pending?limit=1")
        assert everything.headers["x-total-count"] == "21"
        assert {"queue_count", "queue_by_priority"} <= set(counted)
        assert not {"queue_few", "queue_sample"} & set(counted)  # an index tells how many there are
        for asked in ("severity=critical", "risk=low", "confidence_min=0.2&confidence_max=0.9", "older_than_s=1"):
            counted.clear()
            total = (await client.get(f"/hitl/patches/pending?{asked}&limit=1")).headers["x-total-count"]
            assert ("queue_count" in counted) is (sampled_from == 0)
            assert "queue_sample" not in counted  # one index has it all
            assert total == totals.setdefault(asked, total)
    await owner.close()


async def test_a_sample_never_says_more_of_what_lies_together(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is alike often comes at once, and lies on a few pages: a sample may hold all of them, or none."""
    monkeypatch.setattr(queue, "SAMPLED_FROM", 0)
    monkeypatch.setattr(queue, "SAMPLES_ROWS", (300, 3_000))
    owner = await asyncpg.connect(database)
    await owner.execute("""
        INSERT INTO queue (patch_id, apv_id, package, tags, ml_confidence, severity_points, risk_points, doubt_points,
                           opened_at, expires_at, round, version, synthetic)
        SELECT 'p-' || n, 'a', 'package-' || nth, ARRAY['package:package-' || nth, 'cwe:' || nth, 'risk:low'], 0.5, 1, 1, 1,
               now(), now(), 1, 1, false
          FROM generate_series(0, 29999) AS n, LATERAL (SELECT n / 300) AS x (nth)""")
    await owner.execute("ANALYZE queue")
    # Exact; surely more, as all were found; surely more, as not even all could be found. A sample cannot tell in any of these.
    for count_max, few_max, total in ((310, 1_550, 300), (290, 1_450, 291), (290, 295, 291)):
        monkeypatch.setattr(queue, "COUNT_MAX", count_max)
        monkeypatch.setattr(queue, "FEW_MAX", few_max)
        for number in range(100):
            for tag in (f"package:package-{number}", f"cwe:{number}"):
                page = await queue.read_page(owner, queue.Wanted(every=[tag]), queue.Sort.RISK, None, 1)
                assert page.total == total
                assert [row["patch_id"] for row in page.rows] == [min(f"p-{number * 300 + n}" for n in range(300))]
    monkeypatch.setattr(queue, "COUNT_MAX", 310)
    assert (await queue.read_page(owner, queue.Wanted(every=["risk:low"]), queue.Sort.RISK, None, 1)).total == 311
    await owner.close()
