"""What a decision may have rested on: sets of results as there may have been at some time."""

from __future__ import annotations

from typing import Any, Final

from tests.faults.judge.view import BEGINNINGS_MAX, SUBSETS_OF_MAX, sets_of

NOW: Final = "2026-11-27T12:00:00+00:00"


def rows(*lanes: int, at: str = NOW) -> list[dict[str, Any]]:
    """So many results of each partition, those of the last one first."""
    return [
        {"topic": "results", "partition": partition, "record_offset": offset, "received_at": at}
        for partition, count in reversed([*enumerate(lanes)])
        for offset in reversed(range(count))
    ]


def places(found: Any) -> set[frozenset[tuple[int, int]]]:
    """Each set by partition and offset."""
    return {frozenset((row["partition"], row["record_offset"]) for row in subset) for subset in found}


def test_of_few_results_it_is_any_set() -> None:
    assert len(places(sets_of(rows(2, 2)))) == 2**4 - 1


def test_of_one_batch_of_many_it_is_what_each_partition_begins_with() -> None:
    """Found by the simulation: 20 results of one transaction, from two partitions, have no other order."""
    found = places(sets_of(rows(10, 10)))
    assert len(found) == 11 * 11 - 1
    assert frozenset([(0, 0), (0, 1), (0, 2), (1, 0)]) in found
    assert frozenset([(0, 1)]) not in found
    assert len(rows(10, 10)) > SUBSETS_OF_MAX


def test_of_very_many_it_is_what_all_begin_with() -> None:
    early, late = rows(40, 40, 40, 40), rows(1, at="2026-11-27T12:00:00.5+00:00")
    late[0]["record_offset"] = 1_000
    found = [*sets_of([*late, *early])]
    assert BEGINNINGS_MAX < 41**4
    assert len(found) == len(early) + 1
    assert late[0] in found[0]
    assert late[0] not in found[1]
