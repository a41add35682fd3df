"""`hitl-stream policy`: the versions of the policy, which one decides, and the kill switch."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from pydantic import ValidationError

from hitl_stream import settings
from hitl_stream.commands import option
from hitl_stream.commands.option import As, By, Output, Why
from hitl_stream.errors import Refused
from hitl_stream.store import policy as store
from hitl_stream.store.database import Database
from hitl_stream.store.policy import Version

app = typer.Typer(help="The policy: its versions, which one decides, and the kill switch.", no_args_is_help=True)

Answer = TypeVar("Answer")
DOCUMENT_BYTES_MAX = 65_536


class DocumentInvalid(Refused):
    """The policy document is not sound."""


@app.command("list")
def list_(output: As = Output.TEXT) -> None:
    """Print every version, the newest first; the one that decides is marked."""
    state, versions = _run(_state)
    if output is Output.JSON:
        print(orjson.dumps({"auto_approve": state, "versions": [_members(one) for one in versions]}).decode())
        return
    print(f"auto-approval is {'on' if state else 'off: every patch goes to a person'}")
    for one in versions:
        mark = "*" if one.active else " "
        print(f"{mark} {one.version:>4}  {one.proposed_at:%Y-%m-%d %H:%M}  {one.proposed_by:<20} {one.note}")


@app.command()
def show(
    version: Annotated[int | None, typer.Argument(help="The version; default: the one that decides.")] = None,
) -> None:
    """Print one document as JSON."""
    _, versions = _run(_state)
    found = [one for one in versions if one.version == version or (version is None and one.active)]
    if not found:
        raise store.UnknownVersion(f"no policy version {version}")
    print(json.dumps(json.loads(found[0].document), indent=2))


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="The document as JSON; - is standard input.")],
    note: Annotated[str, typer.Option(help="What changes and why.")],
    by: By = None,
) -> None:
    """Store a document as the next version. It decides nothing before somebody activates it."""
    members = _read(file)

    async def work(conn: Any) -> int:
        try:
            return await store.propose(conn, members, option.reason(note), option.actor(by))
        except (ValueError, ValidationError) as error:
            raise DocumentInvalid(str(error)) from None

    print(f"version {_run(work)} is proposed; activate it with: hitl-stream policy activate VERSION --reason WHY")


@app.command()
def activate(
    version: Annotated[int, typer.Argument(help="The version that shall decide.", min=1)], why: Why, by: By = None
) -> None:
    """Let a version decide from now on. When this returns, nothing can be approved by the one before any more."""

    async def work(conn: Any) -> int:
        return await store.activate(conn, version, option.actor(by), option.reason(why))

    print(f"version {version} decides now; before it was {_run(work)}")


@app.command("auto-approve")
def auto_approve(
    wanted: Annotated[str, typer.Argument(help="on or off.", metavar="on|off")], why: Why, by: By = None
) -> None:
    """Throw the kill switch for all processes. When `off` returns, nothing can be approved by policy any more."""
    if wanted not in ("on", "off"):
        raise typer.BadParameter("on or off")

    async def work(conn: Any) -> bool:
        return await store.switch(conn, option.actor(by), option.reason(why), auto_approve=wanted == "on")

    print(f"auto-approval is {wanted}; before it was {'on' if _run(work) else 'off'}")


async def _state(conn: Any) -> tuple[bool, list[Version]]:
    return (await store.current(conn)).auto_approve, list(await store.versions(conn))


def _run(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    return asyncio.run(_with_database(work))


async def _with_database(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    database = await Database.open(settings.load().database, "hitl_operator", size=1, name="hitl-stream policy")
    try:
        async with database.connection() as conn:
            return await work(conn)
    finally:
        await database.close()


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = sys.stdin.buffer.read(DOCUMENT_BYTES_MAX + 1) if str(file) == "-" else file.read_bytes()
        members = orjson.loads(raw) if len(raw) <= DOCUMENT_BYTES_MAX else None
    except OSError as error:
        raise DocumentInvalid(f"{file}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise DocumentInvalid(f"{file}: not JSON: {error}") from error
    if not isinstance(members, dict):
        raise DocumentInvalid(f"{file}: a JSON object of at most {DOCUMENT_BYTES_MAX} bytes is expected")
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
