"""Nothing is lost, doubled, made up or decided by whoever may not, whatever happens while it is all in full flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_stream.errors import Fatal
from tests.faults import campaign, report, storm
from tests.faults.nemesis.catalogue import KINDS
from tests.faults.nemesis.kind import Kind
from tests.faults.stage import Setting
from tests.faults.toll import Bite
from tests.harness.availability import missing, scaled

# Those that need minutes each: the campaign has them, tests do not.
SLOW = {"Postgres frozen for two minutes", *(kind for kind in KINDS if "half open" in kind or "black hole" in kind)}
FATES = ("results applied", "outcomes applied", "duplicates", "conflicts", "bad records", "aborted and never seen")
ANSWERS = ("approved", "pending", "rejected", "revoked")
SEED, FAULTS = 1, scaled(8, len(KINDS))


def test_whatever_breaks_nothing_is_lost_and_nobody_decides_who_may_not(tmp_path: Path) -> None:
    kinds = [
        kind for name, kind in KINDS.items() if kind.setting is Setting.USUAL and (name not in SLOW or scaled(0, 1))
    ]
    try:
        outcome = campaign.run(SEED, storm.choose(SEED, kinds, FAULTS), tmp_path)
    except Fatal as error:
        missing("Apache Kafka, PostgreSQL 15, Toxiproxy or libfaketime", error)
    said = report.text(outcome)
    print(said)
    assert outcome.violations == [], said
    assert outcome.failures == [], said
    assert sum(outcome.deaths.values()) == 0, said
    assert outcome.reach["faults that bit"] > FAULTS / 2, said
    assert [name for name in (*FATES, *ANSWERS) if outcome.figures[name] == 0] == []
    assert outcome.figures["decisions by people"] > 0


def test_every_kind_of_fault_is_struck_as_often_as_any_other() -> None:
    kinds = list(KINDS.values())
    chosen = storm.choose(3, kinds, 2 * len(kinds) + 5)
    times = {kind.name: chosen.count(kind) for kind in kinds}
    assert set(times.values()) == {2, 3}
    assert storm.choose(3, kinds, 20) == storm.choose(3, kinds, 20)
    assert storm.choose(3, kinds, 20) != storm.choose(4, kinds, 20)


def test_a_campaign_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def run(seed: int, _: object, directory: Path, *, setting: Setting) -> report.Outcome:
        begun.append(seed)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return report.Outcome(seed, "abc", 1.0, [], {}, 0, {}, {}, [], [], [])

    monkeypatch.setattr(campaign, "run", run)
    asked = ["--state", str(tmp_path), "--minutes", "0.0005", "--report", str(tmp_path / "faults.md")]
    with pytest.raises(KeyboardInterrupt):
        campaign.main(["--state", str(tmp_path), "--minutes", "1"])
    assert campaign.main(asked) == 0
    assert begun[:3] == [1, 2, 2]
    assert "| 1 | abc | 1 | 0 | 0 | 0 |" in (tmp_path / "faults.md").read_text()


def test_who_did_not_die_with_something_under_way_dies_again_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[str]] = []

    def run(seed: int, kinds: list[Kind], _: Path, *, points: Path | None = None) -> report.Outcome:
        if points is not None:
            (points / "worker-1").write_text("before take_outbox\nafter take_outbox\n")
            (points / "worker-2").write_text("after COMMIT of take_outbox\n")
        else:
            tried.append([kind.name for kind in kinds])
        bites = [Bite(unrecorded=int("COMMIT" not in kind.name)) for kind in kinds]
        struck = [report.Struck(kind.name, 1.0, bite) for kind, bite in zip(kinds, bites, strict=True)]
        return report.Outcome(seed, "abc", 1.0, struck, {}, 0, {}, {}, [], [], [])

    monkeypatch.setattr(campaign, "run", run)
    asked = ["--failpoints", "--state", str(tmp_path), "--minutes", "1", "--report", str(tmp_path / "points.md")]
    assert campaign.main(asked) == 0
    once = "worker-1 dies after COMMIT of take_outbox"
    assert tried == [[once, "worker-1 dies after take_outbox", "worker-1 dies before take_outbox"], [once], [once]]
    missed = (tmp_path / "points.md").read_text().splitlines()[-1]
    assert "move_positions" in missed
    assert "take_outbox" not in missed
