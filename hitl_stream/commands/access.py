"""`hitl-stream access`: which groups have which roles, who an author is, and how many approvals what is needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from hitl_stream import settings
from hitl_stream.commands import option
from hitl_stream.commands.option import As, By, Output, Why
from hitl_stream.observe import text
from hitl_stream.review.role import Role
from hitl_stream.store import access as store
from hitl_stream.store import person
from hitl_stream.store.access import Author, GroupRole
from hitl_stream.store.database import Database

app = typer.Typer(help="Who may do what, who an author is, and how many must approve.", no_args_is_help=True)

Answer = TypeVar("Answer")
Group = Annotated[str, typer.Argument(help="A group as the identity provider's tokens name it.")]
Given = Annotated[Role, typer.Argument(help="What the group may do.")]
NAME_MAX = 255
NEEDED_MAX = 10


class Class(StrEnum):
    """What needs so many approvals: by the higher of severity and risk. Unknown counts as high, none as low."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@app.command("list")
def list_(output: As = Output.TEXT) -> None:
    """Print every grant, every known author, and how many approvals each class needs."""
    grants, authors, needed = _run(_state)
    if output is Output.JSON:
        state = {"grants": [_grant(one) for one in grants], "authors": [_author(one) for one in authors]}
        print(json.dumps({**state, "approvals_required": needed}))
        return
    for one in grants:
        print(
            f"{text.clean(one.group):<40} {one.role:<14} {one.granted_at:%Y-%m-%d %H:%M}  {text.clean(one.granted_by)}"
        )
    for author in authors:
        who = "a machine" if author.person is None else f"person {text.clean(author.person)}"
        print(f"{text.clean(author.source)} {text.clean(author.name)} is {who}")
    for name, count in needed.items():
        print(f"{name} needs {count} {'approval' if count == 1 else 'approvals'}")


@app.command()
def grant(group: Group, role: Given, why: Why, by: By = None) -> None:
    """Give a group a role."""
    name, said, who = _name(group, "GROUP"), option.reason(why), option.actor(by)
    done = _run(lambda conn: store.grant(conn, name, role, who, said))
    print(f"{text.clean(name)} {'is' if done else 'already was'} {role}")


@app.command()
def revoke(group: Group, role: Given, why: Why, by: By = None) -> None:
    """Take a role from a group. When this returns, no decision can be made by it any more."""
    name, said, who = _name(group, "GROUP"), option.reason(why), option.actor(by)
    if not _run(lambda conn: store.revoke(conn, name, role, who, said)):
        print(f"{text.clean(name)} was not {role}")
        raise typer.Exit(1)
    print(f"{text.clean(name)} is no {role} any more")


@app.command("map")
def map_(
    source: Annotated[str, typer.Argument(help="The source of results; * stands for anything.")],
    author: Annotated[str, typer.Argument(help="The author as results of that source name it.")],
    why: Why,
    person: Annotated[str | None, typer.Option(help="The person's `sub` in tokens.")] = None,
    machine: Annotated[bool, typer.Option("--machine", help="It is no person.")] = False,
    by: By = None,
) -> None:
    """Say who an author is, so that nobody approves what is their own."""
    if (person is None) is not machine:
        raise typer.BadParameter("say either --person SUB or --machine", param_hint="--person")
    names = _name(source, "SOURCE"), _name(author, "AUTHOR"), None if person is None else _name(person, "--person")
    said, who = option.reason(why), option.actor(by)
    _run(lambda conn: store.map_author(conn, *names, who, said))
    print(f"{text.clean(source)} {text.clean(author)} is {'a machine' if machine else text.clean(f'person {person}')}")


@app.command()
def require(
    of: Annotated[Class, typer.Argument(metavar="CLASS", help="The higher of severity and risk.")],
    needed: Annotated[int, typer.Argument(min=1, max=NEEDED_MAX, help="How many different reviewers.")],
    why: Why,
    by: By = None,
) -> None:
    """Say how many different reviewers a class needs; it holds for open reviews at once."""
    said, who = option.reason(why), option.actor(by)
    done = _run(lambda conn: store.require(conn, of, needed, who, said))
    print(f"{of} {'needs' if done else 'already needed'} {needed}")


@app.command()
def forget(subject: Annotated[str, typer.Argument(help="The person's `sub` in tokens.")]) -> None:
    """Forget what somebody is called, until they log in to the console again. What they did stays under their `sub`."""
    sub = _name(subject, "SUBJECT")
    if not _run(lambda conn: person.forget_name(conn, sub)):
        print(f"nobody knew what {text.clean(sub)} is called")
        raise typer.Exit(1)
    print(f"{text.clean(sub)} is known by the sub only")


async def _state(conn: Any) -> tuple[list[GroupRole], list[Author], Mapping[str, int]]:
    return list(await store.group_roles(conn)), list(await store.authors(conn)), await store.approvals_needed(conn)


def _name(given: str, hint: str) -> str:
    if not 0 < len(given) <= NAME_MAX or not given.isprintable() or given != given.strip():
        raise typer.BadParameter(f"1 to {NAME_MAX} printable characters, no blank at either end", param_hint=hint)
    return given


def _run(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    return asyncio.run(_in_transaction(work))


async def _in_transaction(work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    url = settings.load().database
    async with (
        Database.opened(url, "hitl_operator", name="hitl-stream access") as database,
        database.transaction() as conn,
    ):
        return await work(conn)


def _grant(one: GroupRole) -> dict[str, Any]:
    return {
        "group": one.group,
        "role": one.role,
        "granted_by": one.granted_by,
        "granted_at": one.granted_at.isoformat(),
    }


def _author(one: Author) -> dict[str, Any]:
    return {
        "source": one.source,
        "author": one.name,
        "person": one.person,
        "machine": one.person is None,
        "mapped_by": one.mapped_by,
        "mapped_at": one.mapped_at.isoformat(),
    }
