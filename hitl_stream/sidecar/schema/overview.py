"""How it goes, and what was done."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hitl_stream.sidecar.schema.body import Answer, Time
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


class Day(Answer):
    """What happened on a day (UTC); a rate is null where nothing was approved or rejected, a time where no person decided."""

    day: str
    opened: int
    approved_by_policy: int
    approved_by_people: int
    rejected: int
    expired: int
    revoked: int
    decided_by_people: int
    auto_rate: float | None
    median_decision_time_sec: float | None


class Timeline(Answer):
    """Every day of the range in order, those on which nothing happened among them."""

    days: list[Day]


class Me(Answer):
    """Who asks: `roles` as they are at this moment, `name` and `authenticated_at` null where the token does not say."""

    subject: str
    name: str | None
    roles: list[str]
    authenticated_at: Time | None
    expires_at: Time


class Person(Answer):
    """What somebody is called; `shared` says that somebody else is called the same."""

    subject: str
    name: str
    shared: bool


class ConsoleLogin(Answer):
    """How people log in; the other members are null in a demo."""

    kind: Literal["demo", "oidc"]
    issuer: str | None
    client_id: str | None
    scope: str | None


class ConsoleConfig(Answer):
    """Which build this is, where it runs, and how to log in."""

    build: str
    environment: str
    login: ConsoleLogin


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
