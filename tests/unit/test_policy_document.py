"""What a policy document may say and what it means: members, bounds, globs, time limits, the blind sample."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from math import inf, nan
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from pydantic import ValidationError

from hitl_stream.contract.fact import Risk, Severity
from hitl_stream.policy import document
from hitl_stream.policy.sample import selected
from tests.unit.approvable import DEFAULT, MEMBERS, VERSION, policy

MIGRATION = Path(document.__file__).parents[1] / "store/migrations/versions/0001_first.up.sql"
LIMITS = MEMBERS["review_time_limit_s"]
DROP = object()
YEAR_S = 366 * 86_400


def changed(member: str, value: Any) -> dict[str, Any]:
    """The members with one set or taken away; `review_time_limit_s.low` names one inside."""
    outer, _, inner = member.partition(".")
    members = dict(MEMBERS)
    holder = members
    if inner:
        holder = members[outer] = dict(members[outer])
    if value is DROP:
        del holder[inner or outer]
    else:
        holder[inner or outer] = value
    return members


def check_refused(members: dict[str, Any], *words: str) -> None:
    with pytest.raises(ValueError) as caught:
        document.parse(1, members)
    for word in words:
        assert word in str(caught.value)


def test_a_document_says_what_was_written() -> None:
    assert DEFAULT.model_dump(mode="json") == {**MEMBERS, "version": VERSION}
    assert DEFAULT.evidence_deadline == timedelta(minutes=30)
    assert DEFAULT.approval_valid == timedelta(days=30)


def test_the_default_that_ships_is_the_conservative_one() -> None:
    found = re.search(r"INSERT INTO policy_document [^']*'(\{.*?\})'", MIGRATION.read_text(), re.DOTALL)
    assert found is not None
    assert json.loads(found[1]) == MEMBERS


@pytest.mark.parametrize("member", [*MEMBERS, *(f"review_time_limit_s.{name}" for name in LIMITS)])
def test_every_member_is_required(member: str) -> None:
    check_refused(changed(member, DROP), f"{member}: Field required")


@pytest.mark.parametrize("member", ["confidence_minimum", "Enabled", "", "review_time_limit_s.none"])
def test_unknown_members_are_refused(member: str) -> None:
    """A misspelled limit that nobody reads would be no limit."""
    check_refused(changed(member, True), f"{member}: Extra inputs are not permitted")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""), ("name", "n" * 101), ("name", 1), ("name", None),
        ("enabled", 1), ("enabled", "true"), ("enabled", None),
        ("allowed_sources", "/wargaming/*"), ("allowed_sources", None), ("allowed_sources", ["a"] * 101),
        ("allowed_sources", [""]), ("allowed_sources", ["a" * 256]), ("allowed_sources", [None]),
        ("single_result_sources", "/a"), ("single_result_sources", ["a"] * 101), ("single_result_sources", [""]),
        ("confidence_min", -0.01), ("confidence_min", 1.01), ("confidence_min", 95), ("confidence_min", nan),
        ("confidence_min", inf), ("confidence_min", "0.95"), ("confidence_min", True), ("confidence_min", None),
        ("severity_max", "HIGH"), ("severity_max", "unknown"), ("severity_max", "moderate"), ("severity_max", None),
        ("risk_max", "none"), ("risk_max", "Low"), ("risk_max", ""), ("risk_max", 1),
        ("sample_rate", -0.01), ("sample_rate", 1.01), ("sample_rate", 5), ("sample_rate", nan), ("sample_rate", "0"),
        ("evidence_deadline_s", 0), ("evidence_deadline_s", -1), ("evidence_deadline_s", YEAR_S + 1),
        ("evidence_deadline_s", 1800.0), ("evidence_deadline_s", "1800"), ("evidence_deadline_s", True),
        ("approval_valid_s", 0), ("approval_valid_s", YEAR_S + 1), ("approval_valid_s", None),
        ("review_time_limit_s", None), ("review_time_limit_s", 86_400), ("review_time_limit_s", []),
        ("review_time_limit_s.critical", 0), ("review_time_limit_s.high", YEAR_S + 1),
        ("review_time_limit_s.medium", 0.5), ("review_time_limit_s.low", None),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_or_of_another_type_is_refused(member: str, value: Any) -> None:
    check_refused(changed(member, value), member)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "n"), ("name", "n" * 100), ("enabled", False),
        ("allowed_sources", []), ("allowed_sources", ["a" * 255] * 100), ("single_result_sources", ["*"]),
        ("confidence_min", 0), ("confidence_min", 1), ("confidence_min", 0.9999999),
        ("severity_max", "none"), ("severity_max", "critical"), ("risk_max", "low"), ("risk_max", "critical"),
        ("sample_rate", 0.05), ("sample_rate", 1),
        ("evidence_deadline_s", 1), ("evidence_deadline_s", YEAR_S), ("approval_valid_s", YEAR_S),
        ("review_time_limit_s.low", 1), ("review_time_limit_s.critical", YEAR_S),
    ],
)  # fmt: skip
def test_what_is_just_within_bounds_is_taken(member: str, value: Any) -> None:
    taken = document.parse(1, changed(member, value)).model_dump(mode="json")
    outer, _, inner = member.partition(".")
    assert (taken[outer][inner] if inner else taken[outer]) == value


def test_everything_that_is_wrong_is_named_at_once() -> None:
    members = {**MEMBERS, "enabled": "yes", "confidence_min": 95, "limit": 1, "review_time_limit_s": {}}
    check_refused(members, "enabled: ", "confidence_min: ", "limit: ", "review_time_limit_s.low: ")


@pytest.mark.parametrize("version", [0, -1])
def test_versions_begin_at_one(version: int) -> None:
    with pytest.raises(ValueError, match=r"^version: "):
        document.parse(version, MEMBERS)


def test_the_version_is_the_one_it_is_stored_under_whatever_the_document_says() -> None:
    assert document.parse(3, {**MEMBERS, "version": 9}).version == 3


@pytest.mark.parametrize("member", ["enabled", "confidence_min", "version"])
def test_a_document_never_changes(member: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(policy(), member, 1)


@pytest.mark.parametrize(
    ("glob", "source", "matches"),
    [
        ("/wargaming/*", "/wargaming/crisol", True),
        ("/wargaming/*", "/wargaming/", True),
        ("/wargaming/*", "/wargaming", False),
        ("/wargaming/*", "x/wargaming/crisol", False),
        ("/wargaming/*", "/WARGAMING/crisol", False),
        ("/wargaming/*", "", False),
        # * crosses everything, nothing else is special
        ("/wargaming/*", "/wargaming/a/b?c#d", True),
        ("/wargaming/*", "/wargaming/\n\u2028x", True),
        ("*", "", True),
        ("*", "https://wargaming.example/\U0001f512", True),
        ("*/crisol", "/a/b/crisol", True),
        ("*/crisol", "/a/b/crisol2", False),
        ("/a/*/c", "/a/c", False),
        ("/a/*/c", "/a//c", True),
        ("/a/*/c", "/a/b/b/c", True),
        ("/a*b*c", "/abc", True),
        ("/a*b*c", "/acb", False),
        ("a*b*a", "aba", True),
        ("a*a", "a", False),
        ("*ab*ab", "abxab", True),
        ("*ab*ab", "ab", False),
        ("**", "x", True),
        ("/a/**/b", "/a//b", True),
        ("/a/**/b", "/a/b", False),
        ("/a.c", "/abc", False),
        ("/a.c", "/a.c", True),
        ("/a?c", "/abc", False),
        ("/a?c", "/a?c", True),
        ("/[ab]", "/a", False),
        ("/[ab]", "/[ab]", True),
        ("/a|b", "/a", False),
        ("/a|b", "/a|b", True),
        ("/a+", "/aa", False),
        ("^/a$", "/a", False),
        ("(?i)/A", "/a", False),
        ("/a\\*", "/a*", False),
        ("/a\\*", "/a\\b", True),
        ("/a", "/a\n", False),
    ],
)
def test_a_star_crosses_everything_and_nothing_else_is_special(glob: str, source: str, matches: bool) -> None:
    assert policy(allowed_sources=[glob]).allows(source) is matches
    assert policy(single_result_sources=[glob]).one_is_all(source) is matches


@pytest.mark.parametrize(("source", "matches"), [("/a", True), ("/b/c", True), ("/b", False), ("/a/b/c", False)])
def test_one_glob_of_several_is_enough(source: str, matches: bool) -> None:
    assert policy(allowed_sources=["/a", "/b/*"]).allows(source) is matches


def test_an_empty_list_matches_nothing() -> None:
    nobody = policy(allowed_sources=[], single_result_sources=[])
    assert not any(nobody.allows(source) or nobody.one_is_all(source) for source in ("", "/", "*", "/wargaming/crisol"))


def test_both_lists_are_read_apart() -> None:
    both = policy(allowed_sources=["/a"], single_result_sources=["/b"])
    assert [both.allows("/a"), both.allows("/b"), both.one_is_all("/a"), both.one_is_all("/b")] == [1, 0, 0, 1]


@pytest.mark.parametrize("glob", ["*a*a*a*b", "****b", "a*a*a*a*b"])
def test_no_source_keeps_the_policy_busy(glob: str) -> None:
    """Sources are upstream's text, and a batch waits for the answer. A plain regular expression tries every place for
    every star: 20 of these globs cost it 5 s, and each further star 50 times as much.
    """
    patient = policy(allowed_sources=[glob] * 20)
    started = process_time()
    assert not patient.allows("a" * 255)
    assert process_time() - started < 1


# Severity down, risk across: the class whose limit counts. It is the higher of both; none is low, missing is high.
TIME_LIMITS = """
            low       medium    high      critical  unknown
none        low       medium    high      critical  high
low         low       medium    high      critical  high
medium      medium    medium    high      critical  high
high        high      high      high      critical  high
critical    critical  critical  critical  critical  critical
unknown     high      high      high      critical  high
"""


def test_a_review_may_wait_as_long_as_the_higher_of_severity_and_risk_allows() -> None:
    heading, *lines = [line.split() for line in TIME_LIMITS.strip().splitlines()]
    for word, *classes in lines:
        severity = None if word == "unknown" else Severity(word)
        for column, wanted in zip(heading, classes, strict=True):
            risk = None if column == "unknown" else Risk(column)
            assert DEFAULT.time_limit(severity, risk) == timedelta(seconds=LIMITS[wanted]), (word, column)
    assert len(lines) * len(heading) == (len(Severity) + 1) * (len(Risk) + 1)


IDS = [f"patch-{n}" for n in range(20_000)]


def drawn(rate: float, version: int = VERSION, round_: int = 1) -> set[str]:
    """Who is drawn at this rate."""
    sampling = document.parse(version, {**MEMBERS, "sample_rate": rate})
    return {patch_id for patch_id in IDS if selected(patch_id, round_, sampling)}


def test_the_sample_can_be_drawn_again_by_anybody() -> None:
    """Fixed for good: an auditor works it out years later. blake2b of `round patch_id`, keyed with the version."""
    assert drawn(0.0002) == {"patch-74", "patch-13971", "patch-17920", "patch-18381"}
    assert drawn(0.05) == drawn(0.05)
    assert selected("patch-1176876", 1, policy(sample_rate=1e-6))


def test_rate_zero_is_never_and_rate_one_is_always() -> None:
    assert drawn(0) == set()
    assert drawn(1) == set(IDS)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("version", [1, 2])
def test_the_share_that_is_drawn_is_near_the_rate(rate: float, version: int) -> None:
    spread = (len(IDS) * rate * (1 - rate)) ** 0.5
    assert abs(len(drawn(rate, version)) - len(IDS) * rate) < 4 * spread


def test_a_higher_rate_draws_the_same_and_more() -> None:
    assert drawn(0.01) < drawn(0.05) < drawn(0.5)


def test_another_round_and_another_version_draw_anew() -> None:
    """Nobody who was spared once is spared for good; overlap is what chance gives, a tenth of a tenth."""
    first, later, other = drawn(0.1), drawn(0.1, round_=2), drawn(0.1, version=VERSION + 1)
    for one, another in ((first, later), (first, other), (later, other)):
        assert 100 < len(one & another) < 300


def test_any_id_can_be_drawn() -> None:
    always = policy(sample_rate=1)
    assert all(selected(patch_id, 1, always) for patch_id in ("", " ", "p\n1", "\u202e", "\U0001f512" * 255))
