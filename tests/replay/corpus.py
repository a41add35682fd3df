"""The corpus: results as upstream sends them, a policy, what surrounds the patch, and the verdict that this had.

corpus.jsonl    {"id", "policy", "context", "results": [{"source", "id", "data"}], "verdict"}: never changed, only added to
policies.json   the documents, by name
declared.jsonl  {"id", "was", "now", "why"}: verdicts that were changed on purpose; the last one of a case holds
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hitl_stream.contract.decode import result_from_payload
from hitl_stream.contract.fold import fold
from hitl_stream.policy import document
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.verdict import Context

HERE: Final = Path(__file__).parent
CORPUS, POLICIES, DECLARED = HERE / "corpus.jsonl", HERE / "policies.json", HERE / "declared.jsonl"
VERSION: Final = 1

Verdict = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One decision of the past."""

    id: str
    policy: str
    context: Mapping[str, Any]
    results: list[dict[str, Any]]
    verdict: Verdict


def cases() -> list[Case]:
    """All of them."""
    return [Case(**one) for one in _lines(CORPUS)]


def declared() -> list[dict[str, Any]]:
    """What was changed on purpose, in the order in which it was."""
    return list(_lines(DECLARED))


def expected(case: Case, changes: list[dict[str, Any]]) -> Verdict:
    """The verdict that a case has today: its own, or the last that was declared."""
    found = [change["now"] for change in changes if change["id"] == case.id]
    return found[-1] if found else case.verdict


def judge(case: Case) -> Verdict:
    """What the policy says of it now."""
    policies = json.loads(POLICIES.read_text(encoding="utf-8"))
    results = [
        result_from_payload(one["source"], one["id"], json.dumps(one["data"], ensure_ascii=False).encode())
        for one in case.results
    ]
    verdict = evaluate(fold(results), document.parse(VERSION, policies[case.policy]), Context(**case.context))
    return {
        "approve": verdict.approve,
        "rules": {str(one.rule): [str(one.outcome), one.detail, one.distance] for one in verdict.rules},
    }


def write(path: Path, lines: Iterator[Mapping[str, Any]]) -> None:
    """As JSON lines."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)
