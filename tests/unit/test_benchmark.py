"""The benchmark's arithmetic: what becomes of measured figures, and that its load is what it says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import orjson
import pytest

from benchmarks.pipeline import goal, load, measure
from benchmarks.pipeline.peer import job
from benchmarks.pipeline.profile import area
from hitl_stream.contract import encode
from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.record import StoredRecord


@dataclass(frozen=True)
class Figure:
    contestant: str
    processes: int
    cpu_us: float
    events_s: float
    size: int = 1_250


FIGURES = [
    Figure("hitl_stream", 1, 60, 10_000),
    Figure("hitl_stream", 1, 80, 12_000),
    Figure("hitl_stream", 1, 70, 11_000),
    Figure("hitl_stream", 2, 75, 15_000),
    Figure("ceiling", 1, 50, 20_000),
    Figure("ceiling", 2, 55, 25_000),
    Figure("getmany", 1, 140, 5_000),
    Figure("arroyo_copy", 2, 126, 6_000),
    Figure("faust_event", 1, 2_100, 400),
    Figure("ceiling", 1, 1, 1, size=4_300),
]


def test_the_better_of_one_and_two_processes_counts_by_the_median_of_its_rounds() -> None:
    assert goal.cheapest(FIGURES, "hitl_stream", 1_250) == goal.Best(70, 60, 80, 1)
    assert goal.fastest(FIGURES, "hitl_stream", 1_250) == goal.Best(15_000, 15_000, 15_000, 2)
    assert goal.cheapest(FIGURES, "nobody", 1_250) is None


def test_goals_compare_with_faust_the_best_batched_peer_and_the_ceiling() -> None:
    goals = goal.throughput(FIGURES, 1_250, ["getmany", "arroyo_copy", "quix_sink"])
    assert [(round(g.value, 4), g.met) for g in goals] == [
        (round(70 / 2_100, 4), True),
        (round(70 / 126, 4), True),
        (round(70 / 50, 4), True),
        (0.6, True),
    ]


def test_without_a_figure_there_is_no_goal() -> None:
    assert goal.throughput(FIGURES, 4_300, ["getmany"]) == []
    assert [g.name for g in goal.throughput(FIGURES[:4], 1_250, ["getmany"])] == []


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(1.0, False, True), (1.1, False, False), (1.0, True, True), (0.9, True, False)]
)
def test_a_goal_is_met_up_to_its_limit(value: float, at_least: bool, met: bool) -> None:
    assert goal.Goal("", value, 1.0, at_least).met is met


def test_latency_is_compared_with_the_relay_and_with_a_time() -> None:
    assert [g.met for g in goal.latency((4.0, 24.0), (2.0, 8.0))] == [True, True, True]
    assert [g.met for g in goal.latency((4.1, 26.0), (2.0, 8.0))] == [False, False, False]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.99, 5.0),
        (range(1, 101), 0.5, 50),
        (range(1, 101), 0.99, 99),
        (range(1, 101), 1.0, 100),
        ([3, 1, 2], 0, 1),
    ],
)
def test_a_percentile_is_a_value_that_occurred(values: list[float], share: float, expected: float) -> None:
    assert measure.percentile(values, share) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        measure.percentile([], 0.5)


@pytest.mark.parametrize(
    ("points", "expected"), [([(0, 1), (1, 3), (2, 5)], 2), ([(0, 4), (5, 4)], 0), ([(1, 1)], 0), ([(1, 1), (1, 2)], 0)]
)
def test_the_slope_is_that_of_least_squares(points: list[tuple[float, float]], expected: float) -> None:
    assert measure.slope(points) == pytest.approx(expected)


@pytest.mark.parametrize("size", load.SIZES)
def test_a_load_has_its_size_and_is_the_same_again(size: int) -> None:
    events = list(load.events(size, 200, seed=3))
    assert events == list(load.events(size, 200, seed=3))
    assert all(abs(len(sent.value) - size) <= size * 0.01 for sent in events)
    assert len({sent.patch_id for sent in events}) == 200
    assert 10 <= sum(not sent.approvable for sent in events) <= 35


@pytest.mark.parametrize("size", load.SIZES)
def test_an_endless_load_never_repeats_an_identity(size: int) -> None:
    events = list(islice(load.endless(size, distinct=10), 35))
    assert len({(dict(sent.headers)["ce_id"], sent.patch_id) for sent in events}) == 35
    for sent in events:
        assert orjson.loads(sent.value)["patch_id"] == sent.patch_id == dict(sent.headers)["ce_subject"].decode()


@pytest.mark.parametrize("size", load.SIZES)
def test_the_product_takes_the_load_and_reads_in_it_what_the_peers_do(size: int) -> None:
    now = job.now()
    for number, sent in enumerate(load.events(size, 50)):
        record = StoredRecord("t", 1, number, 0, sent.patch_id.encode(), sent.value, sent.headers)
        result, done = (
            decode_result(record),
            job.handle(dict(sent.headers), sent.value, job.Origin("t", 1, number), now),
        )
        evidence = done.rows["evidence"]
        assert (result.patch_id, result.patch_digest, result.payload_sha256) == (evidence[0], evidence[7], evidence[8])
        assert orjson.loads(done.messages[-1].value)["time"] == encode.timestamp(now)
        assert ("decision" in done.rows) is sent.approvable is (len(done.messages) == 2)


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("main (hitl_stream/cli.py:1);insert (hitl_stream/store/writing.py:2);copy_records_to_table (asyncpg/connection.py:3)",
         "COPY encoding"),
        ("main (hitl_stream/cli.py:1);read (hitl_stream/store/ledger.py:2);fetch (asyncpg/connection.py:3)", "statements"),
        ("run (mode/threads.py:1);_take_one (hitl_stream/stream/fetch.py:2)", "fetch"),
        ("run (mode/threads.py:1);_run_once (asyncio/base_events.py:2)", "Faust"),
        ("main (x.py:1);_run_once (asyncio/base_events.py:2)", "event loop"),
        ("main (x.py:1)", "other"),
    ],
)  # fmt: skip
def test_a_stack_belongs_to_the_area_nearest_to_its_leaf(stack: str, expected: str) -> None:
    assert area.area_of(stack.split(";")) == expected


def test_threads_that_only_wait_are_no_work() -> None:
    raw = "a (x.py:1);select (selectors.py:468) 90\na (x.py:1);wait (threading.py:331) 5\na (x.py:1) 7\nnonsense"
    assert dict(area.count(raw)) == {"other": 7}
    assert "| other | 100.0% | 12.0 |" in area.render(area.count(raw), 12.0)
