"""The sidecar's benchmark: what becomes of measured figures, and that a refusal is no figure."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.sidecar import deciding, disk, pgbench, reading
from benchmarks.sidecar.deciding import Rate
from benchmarks.sidecar.living import Delivery, Flood
from benchmarks.sidecar.load import Answered
from benchmarks.sidecar.reading import READS, Timed
from benchmarks.sidecar.report import Report
from hitl_stream.store import statement


def rates(**per_second: list[float]) -> list[Rate]:
    names = {"ours": deciding.SIDECAR, "bare": deciding.BARE}
    return [
        Rate(names[name], n, value, 1_000, 2_000)
        for name, values in per_second.items()
        for n, value in enumerate(values)
    ]


def verdicts(report: Report) -> dict[tuple[str, str], tuple[float, bool]]:
    return {(about, one.name): (round(one.value, 3), one.met) for about, one in report.goals()}


def test_decisions_are_compared_with_the_bare_route_by_the_median_of_rounds() -> None:
    about = ("decisions", "per second, of the bare route's")
    assert verdicts(Report([], rates(ours=[59, 60, 1], bare=[100, 100, 900]))) == {about: (0.59, False)}
    assert verdicts(Report([], rates(ours=[60, 60, 1], bare=[100, 100, 900]))) == {about: (0.6, True)}
    assert verdicts(Report([], rates(ours=[60]))) == {}


def test_a_read_is_compared_with_its_limit_and_with_itself_at_the_smallest_size() -> None:
    small, large = Timed("detail", 10_000, [4.0] * 100), Timed("detail", 10_000_000, [9.0] * 98 + [51.0] * 2)
    assert verdicts(Report([], reads=[small, large])) == {
        ("detail, 10 k", "p99 in ms"): (4.0, True),
        ("detail, 10 M", "p99 in ms"): (51.0, False),
        ("detail, 10 M", "p99 of that of 10 k"): (12.75, False),
    }


def test_one_disturbed_round_of_three_does_not_count_and_two_filters_may_grow() -> None:
    calm, disturbed = [4.0] * 100, [4.0] * 80 + [600.0] * 20
    pair = "filters severity + ecosystem"
    rounds = [Timed(pair, 10_000, calm), *(Timed(pair, 10_000_000, ms) for ms in (calm, disturbed, [90.0] * 100))]
    report = Report([], reads=rounds)
    assert verdicts(report) == {
        (f"{pair}, 10 k", "p99 in ms"): (4.0, True),
        (f"{pair}, 10 M", "p99 in ms"): (90.0, True),
    }
    assert f"| {pair} | 10 M | 4.0 | 90.0 | 90.0 (4.0–600.0) | 600.0 |" in report.render()


def test_a_change_that_was_not_heard_is_a_goal_missed() -> None:
    report = Report([], deliveries=[Delivery(10, [1.0] * 99, 100)], floods=[Flood(10, 100.0, 301.0, 0.0, 5, 1)])
    assert verdicts(report) == {
        ("live, 10 clients", "p99 in ms from commit"): (1.0, True),
        ("live, 10 clients", "heard of expected"): (0.99, False),
        ("live, 5,000 changes/s", "MB more"): (201.0, False),
    }
    assert "99 of 100 heard" in report.render()


def test_the_disk_is_asked_beside_and_its_figures_stand_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "relation").write_bytes(bytes(100_000))
    with disk.beside("reads", tmp_path) as asked:
        pass
    assert len(asked.syncs_ms) == 1
    assert len(asked.reads_ms) in (0, 1)  # none where the folder lies in memory
    assert min(asked.syncs_ms + asked.reads_ms) > 0
    report = Report([], disks=[disk.Disk("decisions", [0.5] * 98 + [40.0] * 2, [8.0]), disk.Disk("reads", [1.0])])
    assert (
        "| decisions | fdatasync | 0.5 | 0.5 | 40.0 | 40.0 |\n| decisions | read | 8.0 | 8.0 | 8.0 | 8.0 |"
        in report.render()
    )
    assert "| reads | read |" not in report.render()


def test_a_read_that_was_refused_is_a_goal_missed() -> None:
    report = Report([], reads=[Timed("detail", 10_000, [4.0] * 100), Timed("detail", 10_000, [4.0] * 100, refused=7)])
    assert verdicts(report)["detail, 10 k", "refused"] == (7, False)


def test_a_refusal_is_no_figure() -> None:
    answered = Answered([1.0, 2.0], Counter({200: 1, 503: 1}), 1.0)
    with pytest.raises(RuntimeError, match="503"):
        answered.must_be(200)


def test_every_read_asks_for_what_there_is() -> None:
    chance = random.Random(1)
    for one in READS:
        path = one.path(chance, 1_000)
        assert path.startswith("/hitl/"), one.name
        for patch in re.findall(r"patch-\d{9}(?=[/?]|$)", path):
            assert 1 <= int(patch.removeprefix("patch-")) <= 1_000
    assert {one.limit_ms for one in READS} == {reading.ONE_MS_MAX, reading.TWO_FILTERS_MS_MAX}


def test_pgbench_runs_the_statements_of_the_product() -> None:
    script = pgbench.script()
    for name in ("roles_of_groups", "patch_standing", "lock_patch_for_person"):
        text = re.sub(r"--[^\n]*\n", "", statement.get(name)).split("$1")[0]
        assert " ".join(text.split()) in script
    assert "{" not in script.replace("{reviewers}", "").replace("'{}'", "")
