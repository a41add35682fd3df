"""What all bodies have in common. Answers are written by `shape` and not through these: they describe, they do not copy."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["none", "low", "medium", "high", "critical"]
Risk = Literal["low", "medium", "high", "critical"]
State = Literal["collecting", "pending", "approved", "rejected", "expired", "revoked"]
Time = str
ETag = str


class Answer(BaseModel):
    """Everything that is answered; later versions may say more."""

    model_config = ConfigDict(extra="forbid")


class Request(BaseModel):
    """Everything that is sent; what is not known is ignored."""

    model_config = ConfigDict(extra="allow")


class Problem(BaseModel):
    """What went wrong (RFC 9457). `type` is stable; more members may tell more."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = None
