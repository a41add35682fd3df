"""Folding the results of a round, column by column: worst wins, missing is worst."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest

from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.fact import Evidence, Result, Risk, Severity, Wargame
from hitl_stream.contract.fold import fold
from tests.event import DIFF, DROP, binary, data

FIRST = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PASSED = {"exploit_id": "x", "phase1_exploit_worked": True, "phase2_exploit_worked": False, "duration_ms": 1}
STILL = {**PASSED, "phase2_exploit_worked": True}


def result(number: int, **changes: Any) -> Result:
    """Result number n of one patch: its own run and event, executed n minutes after the first."""
    at = (FIRST + timedelta(minutes=number)).isoformat()
    given = {"wargame__run_id": f"run-{number}", "wargame__executed_at": at, **changes}
    return decode_result(binary(f"e-{number}", data(**given)))


def check(member: str, values: list[Any], wanted: Any, path: str) -> None:
    """Whatever the order of results that say these values of a field, the folded one is what is wanted."""
    results = [result(n, **{path: value}) for n, value in enumerate(values)]
    for order in permutations(results):
        assert getattr(fold(order), member) == wanted, (member, values)


@pytest.mark.parametrize(
    ("member", "path", "values", "wanted"),
    [
        ("severity", "vulnerability__severity", ["low", "HIGH", "none"], Severity.HIGH),
        ("severity", "vulnerability__severity", ["none", "none"], Severity.NONE),
        ("severity", "vulnerability__severity", ["critical", None], None),
        ("severity", "vulnerability__severity", ["low", "who knows"], None),
        ("risk", "patch__risk", ["low", "medium"], Risk.MEDIUM),
        ("risk", "patch__risk", ["critical", DROP], None),
        ("flagged", "patch__flagged", [False, False], False),
        ("flagged", "patch__flagged", [False, None], None),
        ("flagged", "patch__flagged", [False, None, True], True),
        ("prediction", "ml__prediction", [True, True], True),
        ("prediction", "ml__prediction", [True, False], False),
        ("prediction", "ml", [{"prediction": False, "confidence": 0.9, "model_version": "m"}, None], False),
        ("prediction", "ml", [{"prediction": True, "confidence": 0.9, "model_version": "m"}, None], None),
        ("confidence", "ml__confidence", [0.97, 0.951, 1], 0.951),
        ("confidence", "ml", [{"prediction": True, "confidence": 0.99, "model_version": "m"}, None], None),
        ("expected_results", "wargame__expected_results", [1, 3, 2], 3),
        ("expected_results", "wargame__expected_results", [None, 3], 3),
        ("expected_results", "wargame__expected_results", [None, None], None),
        ("patch_digest", "patch__diff", [DIFF, None, ""], sha256(DIFF.encode()).digest()),
        ("patch_digest", "patch__diff", [None, None], None),
        ("patch_digest", "patch__diff", ["one", "two"], None),
        ("plain_text", "patch__diff", [DIFF, None], True),
        ("plain_text", "patch__diff", [None, None], None),
        ("plain_text", "patch__diff", ["a\u202eb", "ab"], False),
        ("wargame", "wargame__status", ["passed", "passed"], Wargame.PASSED),
        ("wargame", "wargame__status", ["passed", "timeout"], Wargame.UNKNOWN),
        ("wargame", "wargame__status", ["failed", "timeout", "passed"], Wargame.FAILED),
        ("wargame_detail", "wargame__status", ["passed", "timeout", "error"], "the wargame says timeout"),
        ("exploit_worked_after", "wargame__exploits", [[PASSED], [STILL]], True),
        ("exploit_worked_after", "wargame__exploits", [[PASSED], [PASSED]], False),
        ("synthetic", "synthetic", [False, True], True),
        ("cve_id", "cve_id", [None, "CVE-2", "CVE-3"], "CVE-2"),
        ("runs", "wargame__run_id", ["a", "b", "a"], 2),
        (
            "detected_at",
            "vulnerability__detected_at",
            [None, "2026-11-02", "2026-11-01"],
            datetime(2026, 11, 1, tzinfo=UTC),
        ),
        ("detected_at", "vulnerability__detected_at", [None, None], None),
    ],
)
def test_worst_wins_whatever_the_order(member: str, path: str, values: list[Any], wanted: Any) -> None:
    check(member, values, wanted, path)


def test_one_result_folds_to_what_it_says() -> None:
    evidence = fold([result(1)])
    assert (evidence.runs, evidence.sources, evidence.wargame) == (1, ("/wargaming/crisol",), Wargame.PASSED)
    assert evidence == fold([result(1), result(1)])


def test_an_event_counts_once() -> None:
    assert fold([result(1), result(2), result(1)]) == fold([result(2), result(1)])


def test_the_card_shows_what_the_earliest_result_knows() -> None:
    first = result(1, vulnerability__package=None, vulnerability__cwe_ids=["CWE-79"], vulnerability__summary="first")
    second = result(2, vulnerability__package="shop", vulnerability__cwe_ids=["CWE-89", "CWE-79"])
    card = fold([second, first]).card
    assert (card.package, card.summary, card.cwe_ids) == ("shop", "first", ("CWE-79", "CWE-89"))


def test_a_card_shows_fifty_cwe_ids_however_many_results_name_others() -> None:
    cards = [result(n, vulnerability__cwe_ids=[f"CWE-{n}-{m}" for m in range(20)]) for n in range(1, 5)]
    assert fold(cards).card.cwe_ids == tuple(f"CWE-{n}-{m}" for n in range(1, 5) for m in range(20))[:50]


def test_the_evidence_digest_can_be_worked_out_by_anybody() -> None:
    results = [result(2), result(1)]
    lines = sorted(f"{r.source} {r.event_id} {sha256(r.payload).hexdigest()}" for r in results)
    assert fold(results).digest == sha256("\n".join(lines).encode()).digest()
    assert fold(results[:1]).digest == sha256(lines[1].encode()).digest()


def test_every_member_of_evidence_is_covered_here() -> None:
    """A new member needs a row above, and a decision how it folds."""
    assert len(Evidence.__slots__) == 20
