"""The incoming event as plain pydantic models, which is how all peers' users declare one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

Severity = Literal["none", "low", "medium", "high", "critical", "unknown"]
Risk = Literal["low", "medium", "high", "critical"]


class Vulnerability(BaseModel):
    severity: Severity | None = None
    cvss_score: Annotated[float, Field(ge=0, le=10)] | None = None
    cvss_vector: str | None = None
    cwe_ids: list[str] = Field(default_factory=list)
    summary: str | None = None
    description: str | None = None
    references: list[str] = Field(default_factory=list)
    package: str | None = None
    ecosystem: str | None = None
    language: str | None = None
    current_version: str | None = None
    target_version: str | None = None
    affected_systems: list[str] = Field(default_factory=list)
    detected_at: datetime | None = None


class Patch(BaseModel):
    diff: str | None = None
    strategy: str | None = None
    risk: Risk | None = None
    author: str | None = None
    pr_url: str | None = None
    commit_sha: str | None = None
    flagged: bool | None = None
    flag_reason: str | None = None


class Exploit(BaseModel):
    exploit_id: str = Field(min_length=1, max_length=255)
    category: str | None = None
    phase1_exploit_worked: bool
    phase2_exploit_worked: bool
    error: str | None = None
    duration_ms: float = Field(ge=0)


class Wargame(BaseModel):
    run_id: str = Field(min_length=1, max_length=255)
    status: str
    method: str
    exploits: list[Exploit]
    expected_results: Annotated[int, Field(ge=1)] | None = None
    duration_ms: float | None = None
    executed_at: datetime


class Ml(BaseModel):
    prediction: bool
    confidence: float = Field(ge=0, le=1)
    probabilities: list[float] | None = None
    model_version: str
    shap_values: dict[str, float] | None = None
    shap_base_value: float | None = None
    execution_time_ms: float | None = None


class Runtime(BaseModel):
    cache_hit: bool | None = None
    ab_arm: str | None = None
    circuit_open: bool | None = None
    rate_limited: bool | None = None


class Result(BaseModel):
    patch_id: str = Field(min_length=1, max_length=255)
    apv_id: str = Field(min_length=1, max_length=255)
    cve_id: str | None = None
    vulnerability: Vulnerability = Vulnerability()
    patch: Patch = Patch()
    wargame: Wargame
    ml: Ml | None = None
    runtime: Runtime | None = None
    synthetic: bool = False
