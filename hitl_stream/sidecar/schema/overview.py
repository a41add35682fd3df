"""How it goes, and what was done."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hitl_stream.sidecar.schema.body import Answer
from hitl_stream.sidecar.schema.patch import HistoryEntry


class AuditEntry(HistoryEntry):
    """One entry of the audit."""

    token_id: str | None
    patch_id: str | None
    request_id: str | None
    detail: dict[str, Any] | list[Any] | None


class Counts(Answer):
    """How many patches stand where. Approved includes auto_approved, pending includes what still collects evidence."""

    total_patches: int
    approved: int
    rejected: int
    expired: int
    revoked: int
    pending: int
    auto_approved: int


class Summary(Counts):
    """The same of all, and how long people take; null where nobody decided."""

    avg_decision_time_sec: float | None
    median_decision_time_sec: float | None
    p95_decision_time_sec: float | None
    human_decisions: int
    auto_rate: float | None
    by_severity: dict[str, Counts]


class Facets(Answer):
    """How many of what; above 10,000 a text that says so, and not exact."""

    total: int | str
    exact: bool
    facets: dict[str, dict[str, int | str]]


class Health(Answer):
    """It works."""

    status: Literal["ok"]


class Document(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
