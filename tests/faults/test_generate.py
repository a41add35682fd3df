"""The generator tells the same story for the same seed, and tells of every kind of bad input."""

from __future__ import annotations

from collections import Counter

from tests.faults.judge import oracle
from tests.faults.judge.oracle import Unusable
from tests.faults.upstream import generate, poison
from tests.faults.upstream.story import RESULTS

USABLE = {
    "nul_spelled_out", "surrogate_pair", "nested_80", "apv_id_255", "time_1970", "time_9999", "extra_member", "unknown_source",
    "status_unknown",
    "diff_at_limit", "key_differs", "key_missing", "bidi", "no_diff",
}  # fmt: skip


def test_the_same_seed_tells_the_same_story() -> None:
    assert generate.plan(500, seed=7) == generate.plan(500, seed=7)
    assert generate.plan(500, seed=7) != generate.plan(500, seed=8)


def test_every_kind_of_bad_input_is_among_the_records() -> None:
    planned = generate.plan(500, seed=3)
    assert set(poison.KINDS) <= {record.label for record in planned}


def test_about_as_many_results_as_asked_for() -> None:
    planned = generate.plan(2_000, seed=1)
    results = sum(record.topic == RESULTS and not record.aborted for record in planned)
    assert 2_000 <= results < 2_010


def test_the_oracle_refuses_exactly_the_poison() -> None:
    refused: Counter[str] = Counter()
    for record in generate.plan(2_000, seed=5):
        try:
            oracle.read(record.topic, record.raw.value, record.raw.headers)
        except Unusable:
            refused[record.label] += 1
    assert set(refused) == {k for k in poison.KINDS if k not in USABLE} | {
        n for n in refused if n.startswith("outcome: ")
    }


def test_decision_ids_are_those_of_the_contract() -> None:
    assert oracle.message_id("patch-CVE-2026-10001-20261123-081500", 1, 1) == "fd358135-69f2-5462-9767-1f51a2a793bb"
    assert oracle.message_id("PATCH/2 of 3", 2, 5) == "9f10c4bf-e2fe-5ba4-87ba-57e3322c425f"
