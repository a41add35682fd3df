"""The policy document: versioned, bounded, never changed once written. Unknown members are refused, not ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hitl_stream.contract.fact import Risk, Severity

SEVERITY_ORDER = (Severity.NONE, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
RISK_ORDER = (Risk.LOW, Risk.MEDIUM, Risk.HIGH, Risk.CRITICAL)

Glob = Annotated[str, Field(min_length=1, max_length=255)]
Seconds = Annotated[int, Field(ge=1, le=366 * 86400)]


class TimeLimit(BaseModel):
    """How long a review may wait, in seconds, by class."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    critical: Seconds
    high: Seconds
    medium: Seconds
    low: Seconds


class PolicyDocument(BaseModel):
    """One version of the policy. Times in seconds, globs know `*` only, which crosses everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[int, Field(ge=1)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    enabled: bool
    allowed_sources: Annotated[list[Glob], Field(max_length=100)]
    single_result_sources: Annotated[list[Glob], Field(max_length=100)]
    confidence_min: Annotated[float, Field(ge=0, le=1)]
    severity_max: Severity = Field(strict=False)
    risk_max: Risk = Field(strict=False)
    sample_rate: Annotated[float, Field(ge=0, le=1)]
    evidence_deadline_s: Seconds
    approval_valid_s: Seconds
    review_time_limit_s: TimeLimit

    @cached_property
    def evidence_deadline(self) -> timedelta:
        """How long a round may collect."""
        return timedelta(seconds=self.evidence_deadline_s)

    @cached_property
    def approval_valid(self) -> timedelta:
        """How long an approval stands."""
        return timedelta(seconds=self.approval_valid_s)

    @cached_property
    def _allowed(self) -> re.Pattern[str]:
        return _compile(self.allowed_sources)

    @cached_property
    def _single(self) -> re.Pattern[str]:
        return _compile(self.single_result_sources)

    def allows(self, source: str) -> bool:
        """Whether results of this source may lead to an approval."""
        return self._allowed.fullmatch(source) is not None

    def one_is_all(self, source: str) -> bool:
        """Whether one result of this source is all there is, when it does not say how many to expect."""
        return self._single.fullmatch(source) is not None

    def time_limit(self, severity: str | None, risk: str | None) -> timedelta:
        """How long the review may wait: by the higher of both; none counts as low, unknown as high."""
        limits = self.review_time_limit_s
        by_rank = (limits.low, limits.medium, limits.high, limits.critical)
        ranks = [2 if value is None else _RANK[value] for value in (severity, risk)]
        return timedelta(seconds=by_rank[max(ranks)])


_RANK: dict[str, int] = {"none": 0, "low": 0, "medium": 1, "high": 2, "critical": 3}


def _compile(globs: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, globs)) or r"(?!)", re.DOTALL)


def _pattern(glob: str) -> str:
    """What stands between two stars is taken where it first occurs, once and for all: (?>…) never tries another place.

    That finds every match there is, and no text of upstream's can make it take long.
    """
    first, *rest = map(re.escape, glob.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}"


def parse(version: int, mapping: Mapping[str, Any]) -> PolicyDocument:
    """A document from what is stored. Raises ValueError that names every member in trouble."""
    try:
        return PolicyDocument.model_validate({**mapping, "version": version})
    except ValidationError as error:
        raise ValueError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from error
