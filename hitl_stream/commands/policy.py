"""`hitl-stream policy`: the versions of the policy, which one decides, and the kill switch."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hitl_stream import settings
from hitl_stream.commands import option
from hitl_stream.commands.option import As, By, Output, Why
from hitl_stream.contract import strict_json
from hitl_stream.errors import BadRecord, Refused
from hitl_stream.observe import text
from hitl_stream.store import policy as store
from hitl_stream.store.database import Database
from hitl_stream.store.policy import Version

app = typer.Typer(help="The policy: its versions, which one decides, and the kill switch.", no_args_is_help=True)

Answer = TypeVar("Answer")
DOCUMENT_BYTES_MAX = 65_536
VERSION_MAX = 2**31 - 1
# Long enough to outwait a process that was frozen while it held the policy lock: its session ends after 30 s.
COMMAND_TIMEOUT_S = 120.0


class DocumentInvalid(Refused):
    """The policy document is not sound."""


@app.command("list")
def list_(output: As = Output.TEXT) -> None:
    """Print every version, the newest first; the one that decides is marked."""
    state, versions = _run(_state)
    if output is Output.JSON:
        print(json.dumps({"auto_approve": state, "versions": [_members(one) for one in versions]}))
        return
    print(f"auto-approval is {'on' if state else 'off: every patch goes to a person'}")
    for one in versions:
        mark = "*" if one.active else " "
        who, note = text.clean(one.proposed_by), text.clean(one.note)
        print(f"{mark} {one.version:>4}  {one.proposed_at:%Y-%m-%d %H:%M}  {who:<20} {note}")


@app.command()
def show(
    version: Annotated[int | None, typer.Argument(help="The version; default: the one that decides.")] = None,
    output: As = Output.TEXT,
) -> None:
    """Print one document as JSON, indented or, for scripts, on one line."""
    _, versions = _run(_state)
    found = [one for one in versions if one.version == version or (version is None and one.active)]
    if not found:
        raise store.UnknownVersion(f"no policy version {version}")
    print(json.dumps(json.loads(found[0].document), indent=2 if output is Output.TEXT else None))


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="The document as JSON; - is standard input.")],
    note: Annotated[str, typer.Option(help="What changes and why.")],
    by: By = None,
    output: As = Output.TEXT,
) -> None:
    """Store a document as the next version. It decides nothing before somebody activates it."""
    members, why, who = _read(file), option.reason(note, "--note"), option.actor(by)

    async def work(conn: Any) -> int:
        try:
            return await store.propose(conn, members, why, who)
        except ValueError as error:
            raise DocumentInvalid(str(error)) from None

    version = _run(work)
    if output is Output.JSON:
        print(json.dumps({"version": version}))
        return
    print(f"version {version} is proposed; activate it with: hitl-stream policy activate {version} --reason WHY")


@app.command()
def activate(
    version: Annotated[int, typer.Argument(help="The version that shall decide.", min=1, max=VERSION_MAX)],
    why: Why,
    by: By = None,
) -> None:
    """Let a version decide from now on. When this returns, nothing can be approved by the one before any more."""

    said, who = option.reason(why), option.actor(by)

    async def work(conn: Any) -> int:
        return await store.activate(conn, version, who, said)

    print(f"version {version} decides now; before it was {_run(work)}")


@app.command("auto-approve")
def auto_approve(
    wanted: Annotated[str, typer.Argument(help="on or off.", metavar="on|off")], why: Why, by: By = None
) -> None:
    """Throw the kill switch for all processes. When `off` returns, nothing can be approved by policy any more."""
    if wanted not in ("on", "off"):
        raise typer.BadParameter("say on or off", param_hint="on|off")
    said, who = option.reason(why), option.actor(by)

    async def work(conn: Any) -> bool:
        return await store.switch(conn, who, said, auto_approve=wanted == "on")

    print(f"auto-approval is {wanted}; before it was {'on' if _run(work) else 'off'}")


async def _state(conn: Any) -> tuple[bool, list[Version]]:
    return await store.auto_approves(conn), list(await store.versions(conn))


def _run(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    return asyncio.run(_with_database(work))


async def _with_database(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    url, name = settings.load().database, "hitl-stream policy"
    async with (
        Database.opened(url, "hitl_operator", name=name, command_timeout_s=COMMAND_TIMEOUT_S) as database,
        database.connection() as conn,
    ):
        return await work(conn)


def _read(file: Path) -> dict[str, Any]:
    """The document's members. Raises typer.BadParameter when there is no such file, DocumentInvalid."""
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            raw = source.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from error
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise DocumentInvalid(f"{file}: more than {DOCUMENT_BYTES_MAX} bytes")
    try:
        members = strict_json.parse(raw, strict_json.WHOLE)
    except BadRecord as error:
        raise DocumentInvalid(f"{file}: {error.reason}") from None
    if not isinstance(members, dict):
        raise DocumentInvalid(f"{file}: a JSON object is expected")
    return members


def _members(one: Version) -> dict[str, Any]:
    return {
        "version": one.version,
        "active": one.active,
        "note": one.note,
        "proposed_by": one.proposed_by,
        "proposed_at": one.proposed_at.isoformat(),
        "document": json.loads(one.document),
    }
