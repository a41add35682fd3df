"""What all bodies have in common. Answers are written by `shape` and not through these: they describe, they do not copy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hitl_stream.sidecar.words import SEEN, SHORT_MAX, TEXT_MAX

Severity = Literal["none", "low", "medium", "high", "critical"]
Risk = Literal["low", "medium", "high", "critical"]
State = Literal["collecting", "pending", "approved", "rejected", "expired", "revoked"]
Time = str
NO_NUL = r"^[^\x00]*$"  # Postgres keeps no U+0000
Text = Annotated[str, Field(max_length=TEXT_MAX, pattern=NO_NUL)]
Words = Annotated[
    str, Field(min_length=1, max_length=TEXT_MAX, pattern=rf"^[^\x00]*{SEEN}[^\x00]*$", description="Not blank.")
]
Short = Annotated[
    str, Field(min_length=1, max_length=SHORT_MAX, pattern=rf"^[^\x00]*{SEEN}[^\x00]*$", description="Not blank.")
]
Preset = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
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
