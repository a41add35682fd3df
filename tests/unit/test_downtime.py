"""When people could decide and when not: what is known after each look, as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from hitl_stream.review import downtime
from hitl_stream.review.downtime import Gap, Presence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: float | None) -> datetime | None:
    return None if minutes is None else NOON + timedelta(minutes=minutes)


class Case(NamedTuple):
    """Minutes after noon. `last`: seen last, and whether it was away at that look. `gap`: from, to."""

    name: str
    last: tuple[float, bool] | None
    since: float | None
    seen: float | None
    now: float
    expected_seen: float
    away: bool = False
    gap: tuple[float, float] | None = None


CASES = [
    Case("the first look finds one", None, 0, 9, 9.1, 9),
    Case("the first look finds none: that is when the absence begins", None, None, None, 9, 9, away=True),
    Case("it is still there", (9, False), 0, 9.25, 9.3, 9.25),
    Case("it has not said so since", (9, False), 0, 9, 9.1, 9),
    Case("it is gone for a moment", (9, False), None, None, 9.8, 9, away=True),
    Case("it is gone for long", (9, True), None, None, 99, 9, away=True),
    Case("another one starts soon", (9, True), 12, 12, 12.1, 12),
    Case("another one starts exactly five minutes later", (9, True), 14, 14, 14.1, 14),
    Case("another one starts late", (9, True), 15, 15, 15.1, 15, gap=(9, 15)),
    Case("another one started late, unwatched", (9, False), 15, 40, 40.1, 40, gap=(9, 15)),
    Case("the same one comes back soon", (9, True), 0, 12, 12.1, 12),
    Case("the same one comes back late", (9, True), 0, 60, 60.1, 60, gap=(9, 60)),
    Case("nobody watched, but it was there all the time", (9, False), 0, 60, 60.1, 60),
    Case("the older of two was there all the time", (9, False), 0, 60, 60.1, 60),
    Case("the clock of the past is not believed", (9, False), 0, 8, 8.1, 9),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_known_after_a_look(case: Case) -> None:
    last = Presence(NOON + timedelta(minutes=case.last[0]), case.last[1]) if case.last else None
    presence = downtime.look(last, at(case.since), at(case.seen), NOON + timedelta(minutes=case.now))
    gap = Gap(*(NOON + timedelta(minutes=m) for m in case.gap)) if case.gap else None
    assert presence == Presence(NOON + timedelta(minutes=case.expected_seen), case.away, gap)


@pytest.mark.parametrize(
    ("presence", "expiring"),
    [
        (Presence(NOON), True),
        (Presence(NOON, away=True), False),
        (Presence(NOON, gap=Gap(NOON, NOON + timedelta(hours=1))), False),
    ],
)
def test_reviews_expire_only_while_somebody_can_decide_and_nothing_is_owed(presence: Presence, expiring: bool) -> None:
    assert presence.expiring == expiring


def test_a_gap_is_told_once() -> None:
    last = Presence(NOON, away=True)
    back = downtime.look(last, at(60), at(60), NOON + timedelta(minutes=60))
    assert back.gap is not None
    again = downtime.look(Presence(back.seen_at, back.away), at(60), at(60), NOON + timedelta(minutes=60.1))
    assert again == Presence(back.seen_at)
