"""A verdict of the past is the verdict of today, unless somebody said that it is not to be, and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hitl_stream.policy import evaluate as evaluation
from hitl_stream.policy.verdict import Rule, RuleOutcome
from tests.replay import corpus, record

CANNOT_FAIL = {Rule.DIFF_PRESENT}
CAN_BE_UNKNOWN = {
    Rule.EVIDENCE_COMPLETE, Rule.DIFF_PRESENT, Rule.PLAIN_TEXT, Rule.WARGAME_PASSED, Rule.PREDICTION, Rule.CONFIDENCE,
    Rule.SEVERITY, Rule.RISK, Rule.NOT_FLAGGED,
}  # fmt: skip


def undeclared() -> list[str]:
    """Cases whose verdict differs from what is expected."""
    changes = corpus.declared()
    return [case.id for case in corpus.cases() if corpus.judge(case) != corpus.expected(case, changes)]


def test_every_verdict_is_what_it_was_or_was_declared_to_have_changed() -> None:
    told = 'if that is meant: python -m tests.replay.record --declare "WHY", and a line in CHANGELOG.md'
    assert undeclared() == [], told


def test_the_corpus_has_every_answer_of_every_rule() -> None:
    cases = corpus.cases()
    answers = Counter((rule, said[0]) for case in cases for rule, said in case.verdict["rules"].items())
    for rule in Rule:
        wanted = set(RuleOutcome)
        wanted -= {RuleOutcome.FAILED} if rule in CANNOT_FAIL else set()
        wanted -= set() if rule in CAN_BE_UNKNOWN else {RuleOutcome.UNKNOWN}
        assert [outcome for outcome in wanted if answers[rule, outcome] == 0] == [], rule
    verdicts = Counter(case.verdict["approve"] for case in cases)
    assert min(verdicts[True], verdicts[False]) >= 40
    assert len({case.id for case in cases}) == len(cases) >= 300


def test_what_was_declared_says_of_a_known_case_what_changed_and_why() -> None:
    cases = {case.id: case for case in corpus.cases()}
    changes = corpus.declared()
    for place, change in enumerate(changes):
        assert change["was"] == corpus.expected(cases[change["id"]], changes[:place])
        assert change["was"] != change["now"]
        assert len(change["why"]) > 10


def test_a_changed_rule_is_noticed_and_can_be_declared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(corpus, "DECLARED", tmp_path / "declared.jsonl")
    corpus.DECLARED.write_text("")
    monkeypatch.setitem(evaluation._LADDERS, Rule.SEVERITY, evaluation._LADDERS[Rule.SEVERITY][::-1])
    evaluation._not_above.cache_clear()
    try:
        changed = undeclared()
        assert changed
        assert record.main(["--declare", "severities are the other way round"]) == 0
        assert undeclared() == []
        assert [change["id"] for change in corpus.declared()] == changed
    finally:
        evaluation._not_above.cache_clear()
