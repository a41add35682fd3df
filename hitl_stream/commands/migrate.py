"""`hitl-stream migrate`: the schema up, down, where it stands, and the same steps as a script for psql."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from hitl_stream import settings
from hitl_stream.commands.option import As, Output
from hitl_stream.store import migration, revision
from hitl_stream.store.revision import BASE, Revision

app = typer.Typer(help="Take the database schema up or down.", no_args_is_help=True)
sql = typer.Typer(
    help="Print scripts for psql -v ON_ERROR_STOP=1 -f, for those who do not let programs migrate; by default the way up.",
)
app.add_typer(sql, name="sql")

T = TypeVar("T")


From = Annotated[str | None, typer.Option("--from", help=f"The revision the database stands at, or '{BASE}'.")]
To = Annotated[str | None, typer.Option(help=f"The revision to stop at, or '{BASE}'.")]


@app.command()
def up(to: To = None) -> None:
    """Migrate to the newest revision. Harmless to repeat, and to run from many places at once."""
    done = _run(migration.up(settings.load().database, to))
    _say(done, "applied", "the schema is up to date")


@app.command()
def down(to: To = None) -> None:
    """Take the newest revision back, or all after --to. Decisions, audit and evidence are kept in schema archive.

    Refuses while a worker, scheduler or sidecar that needs the newer schema is alive.
    """
    url = settings.load().database
    target = to or _before(_run(migration.status(url))[0])
    _say(_run(migration.down(url, target)), "taken back", f"the schema stands at {target} or below")


@app.command()
def status(output: As = Output.TEXT) -> None:
    """Say where the database stands. Exit code 1 when a migration is pending."""
    current, pending = _run(migration.status(settings.load().database))
    names = [f"{step.id}_{step.name}" for step in pending]
    if output is Output.JSON:
        print(json.dumps({"current": current, "needed": revision.head(), "pending": names}))
    else:
        print(f"database: {current}, this program: {revision.head()}, pending: {', '.join(names) or 'nothing'}")
    if pending:
        raise typer.Exit(1)


@sql.callback(invoke_without_command=True)
def sql_default(context: typer.Context) -> None:
    """Print scripts for psql -v ON_ERROR_STOP=1 -f, for those who do not let programs migrate; by default the way up."""
    if context.invoked_subcommand is None:
        sql_up()


@sql.command("up")
def sql_up(start: From = BASE, to: To = None) -> None:
    """Print the way up, by default from an empty database to the newest revision."""
    print(migration.script(start or BASE, to or revision.head()), end="")


@sql.command("down")
def sql_down(start: From = None, to: To = None) -> None:
    """Print the way down, by default the newest revision alone."""
    begin = start or revision.head()
    print(migration.script(begin, to or _before(begin)), end="")


def _before(current: str) -> str:
    earlier = [step.id for step in revision.line() if current != BASE and step.id < current]
    return earlier[-1] if earlier else BASE


def _say(done: list[Revision], verb: str, otherwise: str) -> None:
    for step in done:
        print(f"{verb}: {step.id}_{step.name}")
    if not done:
        print(otherwise)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
