"""What was kept long enough goes, a little at a time; how long is right for the topics that are declared."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hitl_stream.contract import topics
from hitl_stream.contract.topics import Topics
from hitl_stream.duties import retention
from hitl_stream.duties.duty import Duty
from hitl_stream.store import retention as store
from tests.duties.scene import Scene

DAY_MS = 86_400_000


def declared(folder: Path, **retention_ms: int | None) -> Topics:
    """The topics with another retention; None takes the setting away, defaults included."""
    document: dict[str, Any] = yaml.safe_load(topics.default_path().read_text())
    document["defaults"]["config"].pop("retention.ms", None)
    for name, entry in document["topics"].items():
        entry.setdefault("config", {}).pop("retention.ms", None)
        if (kept := retention_ms.get(name)) is not None:
            entry["config"]["retention.ms"] = kept
    file = folder / "topics.yaml"
    file.write_text(yaml.safe_dump(document))
    return topics.load(file)


@pytest.mark.parametrize(
    ("results", "outcomes", "kept"),
    [
        (7 * DAY_MS, 7 * DAY_MS, timedelta(days=14)),
        (7 * DAY_MS, 30 * DAY_MS, timedelta(days=60)),
        (30 * DAY_MS, 7 * DAY_MS, timedelta(days=60)),
        (7 * DAY_MS, -1, retention.SEEN_FOREVER),
        (None, 7 * DAY_MS, retention.SEEN_FOREVER),
    ],
)
def test_identities_are_kept_twice_as_long_as_the_longest_topic(
    tmp_path: Path, results: int | None, outcomes: int | None, kept: timedelta
) -> None:
    assert retention.seen_kept(declared(tmp_path, wargaming_results=results, eureka_outcomes=outcomes)) == kept


def test_what_is_declared_today_is_forgotten_after_two_weeks() -> None:
    assert retention.seen_kept(topics.load()) == timedelta(days=14)


def by_name() -> dict[str, Duty]:
    return {duty.name: duty for duty in retention.duties(topics.load())}


async def fill(scene: Scene) -> None:
    """Five of each that are old enough, one of each that is not; a process that left."""
    old_and_young = """(SELECT n, CASE WHEN n < 6 THEN now() - interval '8 years' ELSE now() END AS at
                          FROM generate_series(1, 6) AS n) AS x"""
    await scene.owner.execute(
        f"""INSERT INTO event_seen SELECT '/s', n::text, sha256('x'), at FROM {old_and_young};
            INSERT INTO evidence (patch_id, source, event_id, round, topic, partition, record_offset, payload_sha256, payload,
                                  received_at)
            SELECT 'p-' || n, '/s', n::text, 1, 't', 0, 0, sha256('x'), 'x', at FROM {old_and_young};
            INSERT INTO idempotency (person, key, request_sha256, status, answer, created_at)
            SELECT 'ann', n::text, sha256('x'), 200, '{{}}', at FROM {old_and_young};
            INSERT INTO change (kind, patch_id, at) SELECT 'review_opened', 'p-' || n, at FROM {old_and_young};
            INSERT INTO patch (patch_id, apv_id, home, state, seq, evidence_digest, policy_version, received_at, changed_at)
            SELECT 'p-' || n, 'a-' || n, 0, 'expired', 1, sha256('x'), 1, at, at FROM {old_and_young}"""
    )
    await scene.sidecar_starts()
    await scene.sidecars_leave()


REMAINING = {
    "evidence_retention": "SELECT count(payload) FROM evidence",
    "identity_retention": "SELECT count(*) FROM event_seen",
    "audit_retention": "SELECT count(*) FROM patch",
    "change_retention": "SELECT count(*) FROM change",
    "answer_retention": "SELECT count(*) FROM idempotency",
}


@pytest.mark.parametrize("name", REMAINING)
async def test_a_duty_takes_what_is_old_in_shares(any_scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    await fill(any_scene)
    monkeypatch.setattr(retention, "ROWS_MAX", 2)
    duty = by_name()[name]
    left = []
    while await any_scene.share(duty):
        left.append(await any_scene.one(REMAINING[name]))
    assert left == [4, 2]
    assert await any_scene.one(REMAINING[name]) == 1
    assert await any_scene.all_of(duty) == 1, "and then nothing is left to do"


async def test_a_share_that_is_full_to_the_brim_is_followed_by_one_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(scene)
    monkeypatch.setattr(retention, "ROWS_MAX", 5)
    assert await scene.all_of(by_name()["identity_retention"]) == 2


async def test_each_duty_calls_its_own_function_with_its_own_age(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, timedelta, int]] = []

    async def take(_: object, name: str, older_than: timedelta, limit: int) -> int:
        called.append((name, older_than, limit))
        return 0

    monkeypatch.setattr(store, "_take", take)
    unused: Any = None
    for name in REMAINING:
        assert await by_name()[name].work(unused) is False
    assert called == [
        ("retire_evidence", timedelta(days=366), 2_000),
        ("forget_seen", timedelta(days=14), 2_000),
        ("forget_patches", timedelta(days=7 * 366), 2_000),
        ("forget_changes", timedelta(hours=1), 2_000),
        ("forget_answers", timedelta(hours=24), 2_000),
    ]


async def test_processes_that_left_are_swept_away_and_the_others_stay(scene: Scene) -> None:
    await scene.sidecar_starts()
    await scene.sidecars_leave()
    await scene.sidecar_starts()
    assert await scene.all_of(by_name()["process_sweep"]) == 1
    assert await scene.one("SELECT count(*) FROM process") == 1


def test_retention_is_nobodys_hurry() -> None:
    assert {duty.every_s for duty in by_name().values()} == {600.0}
