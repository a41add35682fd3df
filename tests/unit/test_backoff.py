"""Waits between attempts: they grow to a bound, are spread, and are never nothing."""

from __future__ import annotations

import pytest

from hitl_stream.stream import backoff
from hitl_stream.stream.backoff import Backoff


@pytest.mark.parametrize(("attempt", "bound_s"), [(0, 0.05), (1, 0.1), (5, 1.6), (7, 5.0), (30, 5.0), (100_000, 5.0)])
def test_the_bound_doubles_up_to_the_largest(attempt: int, bound_s: float) -> None:
    waits = [Backoff(attempt=attempt).next_s() for _ in range(500)]
    assert all(backoff.LEAST_S <= wait <= bound_s for wait in waits)
    assert max(waits) > bound_s * 0.8
    assert min(waits) < bound_s * 0.3


def test_each_wait_counts_and_a_success_begins_anew() -> None:
    waits = Backoff()
    for _ in range(4):
        waits.next_s()
    assert waits.attempt == 4
    waits.reset()
    assert waits.next_s() <= backoff.BASE_S


def test_it_is_never_a_busy_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, _: low)
    assert Backoff().next_s() == backoff.LEAST_S
