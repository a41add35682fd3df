"""One patch, and one open review in the list."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hitl_stream.sidecar.schema.body import Answer, ETag, Risk, Severity, State, Time


class Rule(Answer):
    """One rule of the policy as it was applied, with the distance to passing where there is one."""

    rule: str
    outcome: Literal["passed", "failed", "unknown"]
    detail: str
    distance: float | None = None


class PriorityFactors(Answer):
    """What the priority is the sum of."""

    severity: int
    risk: int
    doubt: int


class Review(Answer):
    """An open review in the list; of the summary its first 200 characters."""

    patch_id: str
    round: int
    apv_id: str
    cve_id: str | None
    summary: str | None
    severity: Severity | None
    risk: Risk | None
    package: str | None
    ecosystem: str | None
    language: str | None
    strategy: str | None
    cwe_ids: list[str]
    ml_confidence: float | None
    ml_prediction: bool | None
    reasons: list[Rule]
    opened_at: Time
    expires_at: Time
    claimed_by: str | None
    approvals: list[str]
    approvals_required: int
    version: ETag
    synthetic: bool
    priority: int
    priority_factors: PriorityFactors


class Artefact(Answer):
    """The patch itself."""

    diff: str | None
    patch_digest: str | None
    risk: Risk | None
    strategy: str | None
    author: str | None
    pr_url: str | None
    commit_sha: str | None
    flagged: bool | None
    flag_reason: str | None


class RoundArtefact(Answer):
    """What one round was about; `diff` is null where none came, or once its content is gone."""

    patch_id: str
    round: int
    patch_digest: str | None
    diff: str | None


class CvssMetric(Answer):
    """One metric of a vector, spelled out."""

    metric: str
    name: str
    value: str
    means: str


class Cvss(Answer):
    """A CVSS vector; all but `vector` and `problem` are null or empty where it cannot be read."""

    vector: str
    version: Literal["2.0", "3.0", "3.1", "4.0"] | None
    score: float | None
    severity: Severity | None
    metrics: list[CvssMetric]
    problem: str | None


class Vulnerability(BaseModel):
    """What is mended, as upstream says it: `contract/` names the members, and there may be more."""

    model_config = ConfigDict(extra="allow")

    severity: Severity | None


class Concluded(Answer):
    """What the exploits of one result prove."""

    wargame: Literal["passed", "failed", "unknown"]
    detail: str | None
    exploit_worked_after: bool


class Result(Answer):
    """One result of wargaming, as upstream sent it. `concluded` is null once the content is gone or no longer read."""

    event_id: str
    source: str
    received_at: Time
    concluded: Concluded | None
    wargame: dict[str, Any] | None
    ml: dict[str, Any] | None
    runtime: dict[str, Any] | None


class Verdict(Answer):
    """What the policy says of the evidence."""

    outcome: Literal["approve", "review"]
    rules: list[Rule]
    policy_version: int


class Author(Answer):
    """Who made it: a person, a machine, or unknown, which needs one approval more."""

    source: str
    author: str | None
    kind: Literal["person", "machine", "unknown"]
    person: str | None


class Look(Answer):
    """When this person looked last, at which round, and what is different now."""

    at: Time
    round: int
    changed: list[Literal["artefact", "evidence", "approvals", "decision", "state"]]


class Comment(Answer):
    """What somebody said without deciding."""

    at: Time
    actor: str
    round: int
    comment: str


class Outcome(Answer):
    """What was reported after deployment; `unapproved` where it was deployed without an approval that stood."""

    at: Time
    source: str
    outcome: Literal["deployed", "failed", "rolled_back", "exploited", "superseded"]
    detail: str | None
    unapproved: bool


class HistoryEntry(Answer):
    """One thing that was said or done."""

    at: Time
    actor: str
    role: str | None
    action: str
    round: int | None
    seq: int | None
    patch_digest: str | None
    evidence_digest: str | None
    policy_version: int | None
    justification: str | None


class Related(Answer):
    """Another patch that bears on this one, and what it has in common with it; of the same CVE the latest ten."""

    patch_id: str
    state: str
    patch_digest: str | None
    at: Time
    same: list[Literal["apv_id", "cve_id", "patch_digest"]]


class Detail(Answer):
    """One patch with everything a decision needs."""

    patch_id: str
    round: int
    state: State
    version: ETag
    apv_id: str
    cve_id: str | None
    vulnerability: Vulnerability
    cvss: Cvss | None
    patch: Artefact
    results: list[Result]
    results_truncated: bool
    verdict: Verdict
    ml_confidence: float | None
    ml_prediction: bool | None
    opened_at: Time | None
    expires_at: Time | None
    valid_until: Time | None
    approvals: list[str]
    approvals_required: int
    authors: list[Author]
    own: bool
    glass_broken_by: str | None
    claimed_by: str | None
    claimed_until: Time | None
    since_last_look: Look | None
    comments: list[Comment]
    outcomes: list[Outcome]
    history: list[HistoryEntry]
    related: list[Related]
    synthetic: bool


class Gate(Answer):
    """May it be deployed? A yes may be relied on until `valid_until`, a no changes at any moment."""

    patch_id: str
    patch_digest: str | None
    deployable: bool
    reason: str
    decision_id: str | None
    decided_at: Time | None
    expires_at: Time | None
    valid_until: Time | None
