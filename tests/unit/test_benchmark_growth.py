"""The arithmetic of the long run: what each million cost, and whether memory grew after the first."""

from __future__ import annotations

import pytest

from benchmarks.pipeline import goal
from benchmarks.pipeline.growth import MILLION, WARM, Growth, Sample
from benchmarks.pipeline.measure import Usage

MB = 1_000_000


def sample(events: int, worker_s: float, postgres_s: float = 0.0, rss: int = 200 * MB) -> Sample:
    return Sample(events, events / 5_000, rss, Usage(worker_s, postgres_s, 0.0))


def test_each_million_costs_what_was_used_between_its_ends() -> None:
    run = Growth(
        1_250,
        [
            sample(0, 0.0),
            sample(WARM, 20.0, 5.0),
            sample(WARM + MILLION, 120.0, 55.0),
            sample(WARM + 2 * MILLION + 500, 340.0, 155.0),
        ],
    )
    costs = run.costs
    assert costs[0] == pytest.approx((150.0, 50.0))
    assert costs[1] == pytest.approx((320.0, 100.0), rel=1e-3)
    assert [one.met for one in goal.growth(0.5, [both for both, _ in costs])] == [True, False]


def test_what_lies_between_two_samples_is_on_the_line_between_them() -> None:
    run = Growth(1_250, [sample(0, 0.0), sample(2 * MILLION + 2 * WARM, 210.0)])
    assert [both for both, _ in run.costs] == pytest.approx([100.0, 100.0])


def test_memory_counts_after_the_first_million() -> None:
    warm = [sample(n * MILLION // 10, 0.0, rss=n * 20 * MB) for n in range(10)]
    flat = [sample(MILLION + n * MILLION // 10, 0.0, rss=(200 + n % 2) * MB) for n in range(40)]
    assert abs(Growth(1_250, [*warm, *flat]).mb_per_million) < 0.5
    rising = [sample(MILLION + n * MILLION // 10, 0.0, rss=(200 + n) * MB) for n in range(40)]
    assert Growth(1_250, [*warm, *rising]).mb_per_million == pytest.approx(10.0)


def test_bytes_are_told_by_the_million() -> None:
    run = Growth(1_250, [sample(0, 0.0), sample(500_000, 1.0)], {"evidence": (MB, 0), "patch": (MB, 10)})
    assert run.bytes_per_million == pytest.approx(4 * MB)


def test_a_short_run_says_nothing_of_the_last_million() -> None:
    assert [one.name for one in goal.growth(0.1, [150.0])] == ["MB of growth per million events"]


def test_a_kill_is_compared_with_the_best_peer() -> None:
    assert [one.value for one in goal.recovery(3.0, [12.0, 6.0])] == [0.5]
    assert goal.recovery(3.0, []) == []


def test_each_layer_is_compared_with_bare() -> None:
    goals = goal.layers(8_000.0, {"+ audit": 7_200.0, "+ tracing": 6_000.0})
    assert [(one.name, one.value, one.met) for one in goals] == [
        ("events/s + audit, of bare's", 0.9, True),
        ("events/s + tracing, of bare's", 0.75, False),
    ]
