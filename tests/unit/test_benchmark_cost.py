"""The cost model: lines through what was measured, and what any load costs by them."""

from __future__ import annotations

import pytest

from benchmarks.pipeline import cost
from benchmarks.pipeline.contestant import OURS
from benchmarks.pipeline.growth import Growth, Sample
from benchmarks.pipeline.measure import Usage
from benchmarks.pipeline.run import Figure


def figure(
    size: int, worker_us: float, postgres_us: float, *, processes: int = 1, contestant: str = OURS.name
) -> Figure:
    spent = (worker_us / 1e6 * 1_000, postgres_us / 1e6 * 1_000, 0.02)
    return Figure(contestant, size, processes, 1, 1_000, 0.1, 1.0, *spent, 100.0)


FIGURES = [
    figure(1_000, 200.0, 60.0),
    figure(1_000, 210.0, 60.0),
    figure(1_000, 900.0, 60.0),  # a disturbed round
    figure(1_000, 500.0, 60.0, processes=2),
    figure(4_000, 240.0, 120.0, processes=2),
    figure(4_000, 10.0, 10.0, contestant="ceiling"),
]


def test_the_line_goes_through_the_cheapest_of_each_size() -> None:
    lines = cost.lines(FIGURES)
    assert lines["worker"].at(1_000) == pytest.approx(210.0)
    assert lines["worker"].at(4_000) == pytest.approx(240.0)
    assert (lines["Postgres"].fixed, lines["Postgres"].per_kb) == pytest.approx((40.0, 20.0))
    assert lines["Postgres"].cores(4_000, 1_000) == pytest.approx(0.12)


def test_one_size_says_nothing_of_another() -> None:
    assert cost.render(FIGURES[:3], []) == ""


def test_a_load_is_priced_in_processors_and_in_bytes() -> None:
    growth = Growth(
        1_250,
        [Sample(0, 0.0, 1, Usage(0, 0, 0)), Sample(1_000, 1.0, 1, Usage(1, 1, 1))],
        {"patch": (2_000_000, 0)},
        3_000_000,
    )
    text = cost.render(FIGURES, [growth])
    assert "| 1,000 | 4 KB | 0.24 | 0.12 | 0.02 |" in text
    assert "| 1,000 | 172.8 | 3.00 |" in text  # 2,000 and 3,000 bytes an event
