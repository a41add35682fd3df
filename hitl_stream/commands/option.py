"""Options that several commands have, spelled the same everywhere."""

from __future__ import annotations

import os
import pwd
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"


As = Annotated[Output, typer.Option("--output", help="text or json.")]
By = Annotated[str | None, typer.Option(help="Who decided it; default: the user of this machine.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]


def actor(by: str | None) -> str:
    """Who does it, for the audit."""
    return by or pwd.getpwuid(os.getuid()).pw_name


def reason(given: str) -> str:
    """A reason that says something. Raises typer.BadParameter."""
    if not given.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    return given.strip()
