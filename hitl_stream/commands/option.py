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
    """Who does it, for the audit: a person, never the policy. Raises typer.BadParameter."""
    if by is None:
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # a container may run under any number
            raise typer.BadParameter("this user has no name: say who decided it", param_hint="--by") from None
    name = _storable(by, "--by")
    if name in ("", "policy"):
        raise typer.BadParameter("say which person decided it", param_hint="--by")
    return name


def reason(given: str, option: str = "--reason") -> str:
    """A reason that says something. Raises typer.BadParameter."""
    said = _storable(given, option)
    if not said:
        raise typer.BadParameter("say why", param_hint=option)
    return said


def _storable(given: str, option: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is no UTF-8", param_hint=option) from None
    return given.strip()
