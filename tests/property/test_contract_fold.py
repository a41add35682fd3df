"""Folding never depends on order or repetition, and more evidence never makes a patch look better."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.fact import Evidence, Result, Risk, Severity, Wargame
from hitl_stream.contract.fold import fold
from tests.harness.availability import scaled
from tests.property.contract_event import RESULT, binary, compact

EXAMPLES = settings(max_examples=scaled(100, 3_000), deadline=None)
WORST_FIRST: dict[str, tuple[Any, ...]] = {
    "severity": (None, *reversed(Severity)),
    "risk": (None, *reversed(Risk)),
    "flagged": (True, None, False),
    "prediction": (False, None, True),
    "wargame": (Wargame.FAILED, Wargame.UNKNOWN, Wargame.PASSED),
    "exploit_worked_after": (True, False),
    "synthetic": (True, False),
}


def _results(contents: list[dict[str, Any]]) -> list[Result]:
    """The contents as results of one patch, about one diff or none, each its own event."""
    events = [{**content, "patch_id": "p-1", "apv_id": "a-1"} for content in contents]
    return [decode_result(binary(compact(event), f"e-{n}", f"/wargaming/{n % 2}")) for n, event in enumerate(events)]


RESULTS = st.lists(RESULT, min_size=1, max_size=5).map(_results)


@EXAMPLES
@given(RESULTS, st.integers(0, 2**32))
def test_order_and_repetition_change_nothing(results: list[Result], seed: int) -> None:
    rng = random.Random(seed)
    shuffled = results + rng.choices(results, k=rng.randint(0, 3))
    rng.shuffle(shuffled)
    assert fold(shuffled) == fold(results)


@EXAMPLES
@given(RESULTS)
def test_every_fact_is_the_worst_that_any_result_says(results: list[Result]) -> None:
    evidence = fold(results)
    for member, order in WORST_FIRST.items():
        said = [order.index(getattr(result, member)) for result in results]
        assert order.index(getattr(evidence, member)) == min(said), member
    confidences = [result.confidence for result in results]
    known = [confidence for confidence in confidences if confidence is not None]
    assert evidence.confidence == (min(known) if len(known) == len(confidences) else None)


@EXAMPLES
@given(RESULTS, RESULTS)
def test_more_evidence_never_looks_better(some: list[Result], more: list[Result]) -> None:
    renamed = [decode_again(result, number) for number, result in enumerate(more)]
    before, after = fold(some), fold([*some, *renamed])
    for member, order in WORST_FIRST.items():
        assert order.index(getattr(after, member)) <= order.index(getattr(before, member)), member
    assert after.confidence is None or (before.confidence is not None and after.confidence <= before.confidence)
    assert (after.expected_results or 0) >= (before.expected_results or 0)
    assert after.plain_text is not True or before.plain_text is not False
    assert after.runs >= before.runs
    assert after.digest != before.digest


def decode_again(result: Result, number: int) -> Result:
    """The same content as another event."""
    return decode_result(binary(result.payload, f"later-{number}"))


@EXAMPLES
@given(RESULTS)
def test_one_result_alone_is_folded_like_many(results: list[Result]) -> None:
    """The short way for one result gives what the long way gives."""
    for result in results:
        twin = decode_result(binary(result.payload, "twin", result.source))
        both: Evidence = fold([result, twin])
        alone = fold([result])
        both.digest = alone.digest
        assert both == alone or len(set(result.card.cwe_ids)) < len(result.card.cwe_ids)
