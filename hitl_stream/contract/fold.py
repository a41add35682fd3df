"""All results of a round as one evidence: worst wins, missing is worst, order and repetition never matter.

So an approval can rest on it: evidence that comes later, or twice, or in another order can never make it look better
than the worst of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from hitl_stream.contract import digest
from hitl_stream.contract.fact import CWES_MAX, Card, Evidence, Result, Risk, Severity, Wargame

Value = TypeVar("Value")

_SEVERITY_RANK = {word: rank for rank, word in enumerate(Severity)}
_RISK_RANK = {word: rank for rank, word in enumerate(Risk)}
_WARGAMES = (Wargame.FAILED, Wargame.UNKNOWN, Wargame.PASSED)


def fold(results: Sequence[Result]) -> Evidence:
    """Fold one or more results of one round of one patch."""
    if len(results) == 1:
        return _single(results[0])
    ordered = _distinct(results)
    if len(ordered) == 1:
        return _single(ordered[0])
    first = ordered[0]
    verdict = next(w for w in _WARGAMES if any(r.wargame is w for r in ordered))
    digests = {r.patch_digest for r in ordered if r.patch_digest is not None}
    return Evidence(
        patch_id=first.patch_id,
        apv_id=first.apv_id,
        cve_id=_first(r.cve_id for r in ordered),
        sources=tuple(sorted({r.source for r in ordered})),
        runs=len({r.run_id for r in ordered}),
        expected_results=max((r.expected_results for r in ordered if r.expected_results is not None), default=None),
        # Results without a diff inherit the round's; two diffs in one round would bind a decision to neither.
        patch_digest=digests.pop() if len(digests) == 1 else None,
        plain_text=_worst((r.plain_text for r in ordered), (False, True, None)),
        severity=_highest((r.severity for r in ordered), _SEVERITY_RANK.__getitem__),
        risk=_highest((r.risk for r in ordered), _RISK_RANK.__getitem__),
        flagged=_worst((r.flagged for r in ordered), (True, None, False)),
        wargame=verdict,
        wargame_detail=next(r.wargame_detail for r in ordered if r.wargame is verdict),
        exploit_worked_after=any(r.exploit_worked_after for r in ordered),
        prediction=_worst((r.prediction for r in ordered), (False, None, True)),
        confidence=_highest((r.confidence for r in ordered), lambda confidence: -confidence),
        digest=digest.evidence_digest((r.source, r.event_id, r.payload_sha256) for r in ordered),
        detected_at=min((r.detected_at for r in ordered if r.detected_at is not None), default=None),
        synthetic=any(r.synthetic for r in ordered),
        card=_card(ordered),
    )


def _single(result: Result) -> Evidence:
    # By position and not by name: this runs once per event, and names cost as much as the rest of it.
    return Evidence(
        result.patch_id,
        result.apv_id,
        result.cve_id,
        (result.source,),
        1,
        result.expected_results,
        result.patch_digest,
        result.plain_text,
        result.severity,
        result.risk,
        result.flagged,
        result.wargame,
        result.wargame_detail,
        result.exploit_worked_after,
        result.prediction,
        result.confidence,
        digest.evidence_digest(((result.source, result.event_id, result.payload_sha256),)),
        result.detected_at,
        result.synthetic,
        result.card,
    )


def _distinct(results: Sequence[Result]) -> list[Result]:
    """Every event once, in an order that depends on what the results say, not on how they arrived."""
    ordered = sorted(results, key=lambda r: (r.executed_at, r.source, r.event_id, r.payload_sha256))
    seen: dict[tuple[str, str], Result] = {}
    for result in ordered:
        seen.setdefault((result.source, result.event_id), result)
    return list(seen.values())


def _worst(values: Iterable[bool | None], order: tuple[bool | None, ...]) -> bool | None:
    """The first of `order` that occurs."""
    occurring = set(values)
    return next(value for value in order if value in occurring)


def _highest(values: Iterable[Value | None], rank: Callable[[Value], float]) -> Value | None:
    """The known value of the highest rank; unknown if any is unknown."""
    highest: Value | None = None
    for value in values:
        if value is None:
            return None
        if highest is None or rank(value) > rank(highest):
            highest = value
    return highest


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _card(ordered: Sequence[Result]) -> Card:
    """For the eye only: of each field, what the earliest result that has it says."""
    cards = [result.card for result in ordered]
    return Card(
        package=_first(card.package for card in cards),
        ecosystem=_first(card.ecosystem for card in cards),
        language=_first(card.language for card in cards),
        strategy=_first(card.strategy for card in cards),
        cwe_ids=tuple(dict.fromkeys(cwe for card in cards for cwe in card.cwe_ids))[:CWES_MAX],
        summary=_first(card.summary for card in cards),
    )
