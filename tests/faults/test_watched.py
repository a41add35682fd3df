"""Between which looks at the database a change lies that a listener was told of."""

from __future__ import annotations

from tests.faults.judge.watched import _spans


def holding(cursors: list[str], xid: int) -> list[bool]:
    return [span.holds(xid) for span in _spans(cursors)]


def test_a_change_lies_between_the_other_cursors_around_it() -> None:
    cursors = ["10:10:", "10:10:", "14:14:", "20:22:21"]
    assert holding(cursors, 9) == [False, False, False, False]
    assert holding(cursors, 12) == [True, True, True, False]
    assert holding(cursors, 19) == [False, False, True, True]
    assert holding(cursors, 21) == [False, False, False, True]


def test_who_has_caught_up_may_hear_of_an_earlier_look_again() -> None:
    """Told up to 16:20:16,18, and then of what the process had read before that: of 14 for the second time, and of 17."""
    cursors = ["10:10:", "16:20:16,18", "14:14:", "22:22:"]
    assert holding(cursors, 14) == [True, True, True, True]
    assert holding(cursors, 17) == [True, True, True, True]
    assert holding(cursors, 9) == [False, False, False, False]
    assert holding(cursors, 21) == [False, True, True, True]
    assert holding(cursors, 23) == [False, False, False, True]
