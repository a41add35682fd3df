"""The command line: assembles the commands, nothing else. Exit codes: 0 done, 1 found a problem, 2 wrong use."""

from __future__ import annotations

import sys

import typer

from hitl_stream.commands import (
    access,
    dead_letters,
    decisions,
    demo,
    doctor,
    migrate,
    policy,
    positions,
    scheduler,
    send,
    sidecar,
    smoke,
    token,
    topics,
    worker,
)
from hitl_stream.errors import HitlError

app = typer.Typer(
    name="hitl-stream",
    help="Decides whether an automatically generated security patch may be deployed, and keeps the record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for name, group in (
    ("migrate", migrate.app),
    ("topics", topics.app),
    ("policy", policy.app),
    ("access", access.app),
    ("positions", positions.app),
    ("decisions", decisions.app),
    ("dead-letters", dead_letters.app),
):
    app.add_typer(group, name=name)
for name, command in (
    ("demo", demo.run),
    ("worker", worker.run),
    ("sidecar", sidecar.run),
    ("scheduler", scheduler.run),
    ("send", send.run),
    ("doctor", doctor.run),
    ("smoke", smoke.run),
    ("token", token.run),
):
    app.command(name)(command)


def main() -> None:
    """Run the command line; an expected failure is one line on stderr and exit code 1, never a traceback."""
    try:
        app()
    except HitlError as error:
        print(f"hitl-stream: {error}", file=sys.stderr)
        sys.exit(1)
