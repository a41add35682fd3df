"""Evidence, policies and contexts as Hypothesis makes them: near the border of approval, worse ones of those, absurd ones.

Worse is said here without asking the policy: `LADDERS` names, of every member, what is better than what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from math import inf, nan
from typing import Any

from hypothesis import strategies as st

from hitl_stream.contract.fact import Result, Risk, Severity, Wargame
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.policy.verdict import Context
from tests.unit.approvable import CONTEXT, DEFAULT, DIGEST, EVIDENCE, RESULT, Situation, policy

Draw = Callable[[st.SearchStrategy[Any]], Any]

SOURCES = ("/wargaming/a", "/wargaming/b", "/elsewhere")
GLOBS = ("/wargaming/*", "/wargaming/a", "/else*", "*")
NO_SHARE = (None, nan, inf, -inf, -0.1, 1.0000001, 97.0)
EDGES = (1.0, 0.97, 0.95, 0.9499999, 0.9, 0.0)

# The best first. What is unknown stands where it can never be approved, and no lower than what is known to be bad.
LADDERS: dict[str, tuple[Any, ...]] = {
    "patch_digest": (DIGEST, None),
    "plain_text": (True, None, False),
    "severity": (*Severity, None),
    "risk": (*Risk, None),
    "flagged": (False, None, True),
    "wargame": (Wargame.PASSED, Wargame.UNKNOWN, Wargame.FAILED),
    "exploit_worked_after": (False, True),
    "prediction": (True, None, False),
    "auto_approve": (True, False),
    "artefact_changed": (False, True),
    "review_open": (False, True),
    "rejection": (None, "apv", "digest", "patch"),
    "approved_sibling": (None, "p-2"),
    "selected": (False, True),
}
OF_CONTEXT = frozenset(field.name for field in fields(Context))
DIMENSIONS = (*LADDERS, "sources", "runs", "expected_results", "confidence")

SHARE = st.one_of(st.sampled_from(EDGES), st.floats(0, 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.sampled_from(ladder) for name, ladder in LADDERS.items()},
    "sources": st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3, unique=True).map(tuple),
    "runs": st.integers(1, 4),
    "expected_results": st.one_of(st.none(), st.integers(1, 4)),
    "confidence": st.one_of(SHARE, st.sampled_from(NO_SHARE)),
}

POLICIES = st.one_of(
    st.just(DEFAULT),
    st.builds(
        policy,
        enabled=st.sampled_from((True, True, True, False)),
        allowed_sources=st.lists(st.sampled_from(GLOBS), max_size=3),
        single_result_sources=st.lists(st.sampled_from(GLOBS), max_size=2),
        confidence_min=SHARE,
        severity_max=st.sampled_from([word.value for word in Severity]),
        risk_max=st.sampled_from([word.value for word in Risk]),
    ),
)


@st.composite
def situations(draw: Draw) -> Situation:
    """Approvable, but for a few members; so approvals and single objections are both frequent."""
    names = draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True))
    return with_members(
        Situation(EVIDENCE, draw(POLICIES), CONTEXT), {name: draw(VALUES[name]) for name in sorted(names)}
    )


def with_members(given: Situation, members: dict[str, Any]) -> Situation:
    """The same, with members of evidence or context exchanged."""
    context = {name: value for name, value in members.items() if name in OF_CONTEXT}
    evidence = {name: value for name, value in members.items() if name not in OF_CONTEXT}
    return Situation(replace(given.evidence, **evidence), given.policy, replace(given.context, **context))


@st.composite
def worse(draw: Draw, given: Situation) -> Situation:
    """The same in some dimensions, as bad or worse in the others."""
    names = draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=len(DIMENSIONS), unique=True))
    evidence, context = given.evidence, given.context
    members: dict[str, Any] = {}
    # Sources first: on them depends whether an unknown number of results is good or bad.
    for name in sorted(names, key=lambda name: name != "sources"):
        if name in LADDERS:
            rungs = LADDERS[name]
            now = rungs.index(getattr(context if name in OF_CONTEXT else evidence, name))
            members[name] = rungs[draw(st.integers(now, len(rungs) - 1))]
        elif name == "sources":
            members[name] = draw(_more_sources(evidence.sources))
        elif name == "runs":
            members[name] = draw(st.integers(0, evidence.runs))
        elif name == "expected_results":
            sources = members.get("sources", evidence.sources)
            members[name] = draw(_more_expected(evidence.expected_results, sources, given.policy))
        else:
            members[name] = draw(_less_confidence(evidence.confidence))
    return with_members(given, members)


def _more_sources(sources: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """One more has a say; or nobody knows where the evidence comes from."""
    return st.one_of(st.sampled_from(SOURCES).map(lambda source: tuple({*sources, source})), st.just(()))


def _more_expected(
    expected: int | None, sources: tuple[str, ...], document: PolicyDocument
) -> st.SearchStrategy[int | None]:
    """More, or nobody knows how many. Of a source whose one result is all, not to know means one."""
    one_is_all = bool(sources) and all(document.one_is_all(source) for source in sources)
    if expected is None:
        return st.one_of(st.none(), st.integers(1, 9)) if one_is_all else st.none()
    more = st.integers(expected, expected + 5)
    return more if one_is_all else st.one_of(st.none(), more)


def _less_confidence(confidence: float | None) -> st.SearchStrategy[float | None]:
    unknown = st.sampled_from(NO_SHARE)
    if confidence is None or not 0 <= confidence <= 1:
        return unknown
    return st.one_of(unknown, st.floats(0, confidence))


@st.composite
def stricter(draw: Draw, given: PolicyDocument) -> PolicyDocument:
    """A policy that asks for as much or more in every member."""

    def some(globs: list[str]) -> list[str]:
        kept: list[str] = draw(st.lists(st.sampled_from(globs), unique=True)) if globs else []
        return kept

    lowest = [word.value for word in Severity][: list(Severity).index(given.severity_max) + 1]
    least = [word.value for word in Risk][: list(Risk).index(given.risk_max) + 1]
    return policy(
        enabled=given.enabled and draw(st.booleans()),
        allowed_sources=some(given.allowed_sources),
        single_result_sources=some(given.single_result_sources),
        confidence_min=draw(st.floats(given.confidence_min, 1)),
        severity_max=draw(st.sampled_from(lowest)),
        risk_max=draw(st.sampled_from(least)),
    )


# What no decoder lets through: hostile texts, numbers that are none, counts that count nothing.
WEIRD = st.one_of(
    st.text(max_size=20),
    st.sampled_from(("", "\0", "\ud800", "\u202e", "*", "\n", "'; DROP TABLE patch", "a" * 300)),
)
COUNT = st.integers(-(2**63), 2**63)
BOOL = st.sampled_from((True, False, None))
ABSURD_EVIDENCE = st.builds(
    replace,
    st.just(EVIDENCE),
    patch_id=WEIRD,
    apv_id=WEIRD,
    cve_id=st.one_of(st.none(), WEIRD),
    sources=st.lists(st.one_of(WEIRD, st.sampled_from(SOURCES)), max_size=4).map(tuple),
    runs=COUNT,
    expected_results=st.one_of(st.none(), COUNT, st.integers(-1, 1)),
    patch_digest=st.one_of(st.none(), st.binary(max_size=40)),
    plain_text=BOOL,
    severity=st.sampled_from((*Severity, None)),
    risk=st.sampled_from((*Risk, None)),
    flagged=BOOL,
    wargame=st.sampled_from(Wargame),
    wargame_detail=WEIRD,
    exploit_worked_after=st.booleans(),
    prediction=BOOL,
    confidence=st.one_of(st.none(), st.floats(), st.sampled_from(EDGES)),
    digest=st.binary(max_size=40),
    synthetic=st.booleans(),
)
ABSURD_CONTEXT = st.builds(
    Context,
    auto_approve=st.booleans(),
    artefact_changed=st.booleans(),
    review_open=st.booleans(),
    rejection=st.one_of(st.none(), WEIRD),
    approved_sibling=st.one_of(st.none(), WEIRD),
    selected=st.booleans(),
)
ABSURD_POLICY = st.one_of(
    POLICIES,
    st.builds(
        policy,
        allowed_sources=st.lists(st.text("ab/*.[", min_size=1, max_size=9), max_size=3),
        single_result_sources=st.lists(st.text("ab/*\\(", min_size=1, max_size=9), max_size=3),
        confidence_min=st.sampled_from((0, 5e-324, 1)),
    ),
)
ABSURD: st.SearchStrategy[Situation] = st.builds(Situation, ABSURD_EVIDENCE, ABSURD_POLICY, ABSURD_CONTEXT)

_OF_RESULT: dict[str, st.SearchStrategy[Any]] = {
    **{
        name: st.sampled_from(LADDERS[name])
        for name in ("plain_text", "severity", "risk", "flagged", "wargame", "prediction")
    },
    "source": st.sampled_from(SOURCES),
    "run_id": st.sampled_from(("run-1", "run-2")),
    "diff": st.sampled_from((DIGEST, DIGEST, None, None, b"another")),
    "confidence": st.one_of(st.none(), SHARE),
    "expected_results": st.one_of(st.none(), st.integers(1, 3)),
    "executed_at": st.integers(-1, 1).map(lambda minutes: RESULT.executed_at + timedelta(minutes=minutes)),
}


@st.composite
def results(draw: Draw) -> list[Result]:
    """One to five results of one round, each its own event, good but for a few members; no diff means no plain text."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        names = draw(st.lists(st.sampled_from(tuple(_OF_RESULT)), max_size=3, unique=True))
        said = {name: draw(_OF_RESULT[name]) for name in sorted(names)}
        digest = said.pop("diff", DIGEST)
        plain = None if digest is None else said.get("plain_text", True)
        said |= {
            "event_id": f"e-{number}",
            "run_id": said.get("run_id", f"run-{number}"),
            "patch_digest": digest,
            "plain_text": True if digest is not None and plain is None else plain,
            "wargame_detail": "" if said.get("wargame", Wargame.PASSED) is Wargame.PASSED else f"detail {number}",
            "exploit_worked_after": said.get("wargame") is Wargame.FAILED and draw(st.booleans()),
            "payload_sha256": bytes([number]) * 32,
        }
        made.append(replace(RESULT, **said))
    return made
