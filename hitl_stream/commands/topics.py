"""`hitl-stream topics`: whether topics.yaml is sound, what the broker lacks of it, and making it so."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer

from hitl_stream import settings
from hitl_stream.broker import admin, topology
from hitl_stream.broker.topology import Change, Configure, Create, Grow, Plan
from hitl_stream.commands.option import As, Output
from hitl_stream.contract import asyncapi, schema
from hitl_stream.contract import topics as contract
from hitl_stream.contract.topics import Topics

app = typer.Typer(
    help="The topics: check the file, compare it with the broker, create what is missing.", no_args_is_help=True
)

# Creating reveals what a first look could not see: somebody else's topic of the same name, with other settings.
ROUNDS_MAX = 3


class Format(StrEnum):
    """What to export to."""

    ASYNCAPI = "asyncapi"


File = Annotated[Path | None, typer.Option(help="The topics file; HITL_TOPICS_FILE, or the one that ships.")]
Name = Annotated[str | None, typer.Option(help="The environment in that file; HITL_ENVIRONMENT, or local.")]
GrowKeyed = Annotated[
    bool,
    typer.Option("--grow-keyed", help="Grow keyed topics too: records of a patch then change partition and order."),
]


@app.command()
def lint(file: File = None, output: As = Output.TEXT) -> None:
    """Check the file, for every environment in it. Exit code 1 when it is not sound. Needs no broker."""
    problems: list[str] = []
    try:
        document = contract.read(file or settings.load().topics_file)
        problems = [
            f"topics.{logical}.schema: there is no event {entry.schema_name!r} (known: {', '.join(schema.TYPES)})"
            for logical, entry in document.topics.items()
            if entry.schema_name is not None and entry.schema_name not in schema.TYPES
        ]
    except contract.TopicsInvalid as error:
        problems = error.problems
    if output is Output.JSON:
        print(json.dumps({"problems": problems}))
    else:
        print("\n".join(problems) or "sound")
    raise typer.Exit(1 if problems else 0)


@app.command()
def plan(file: File = None, environment: Name = None, grow_keyed: GrowKeyed = False, output: As = Output.TEXT) -> None:
    """Print what apply would do, after the broker has checked it. Changes nothing. Exit code 1 when some of it would fail."""
    topics = _load(file, environment)
    found = _compare(topics, grow_keyed)
    failed = admin.carry_out(settings.load().kafka, found.changes, dry_run=True)
    _say(topics, found, failed, output)
    raise typer.Exit(1 if failed or found.refusals else 0)


@app.command()
def apply(file: File = None, environment: Name = None, grow_keyed: GrowKeyed = False, output: As = Output.TEXT) -> None:
    """Create what is missing, grow, set declared keys; print each step. Never deletes or shrinks, harmless to repeat.

    Exit code 1 when something differs that it refuses to touch, or that the broker refused.
    """
    topics = _load(file, environment)
    connection = settings.load().kafka
    done: list[Change] = []
    failed: list[tuple[Change, str]] = []
    found = _compare(topics, grow_keyed)
    for _ in range(ROUNDS_MAX):
        failed = admin.carry_out(connection, found.changes)
        refused = [change for change, _ in failed]
        done += [change for change in found.changes if change not in refused]
        if failed or not found.changes:
            break
        found = _compare(topics, grow_keyed)
    _say(topics, Plan(tuple(done), found.refusals), failed, output)
    raise typer.Exit(1 if failed or found.refusals else 0)


@app.command()
def verify(file: File = None, environment: Name = None, output: As = Output.TEXT) -> None:
    """Compare file and broker. Exit code 1 when a declared thing differs."""
    topics = _load(file, environment)
    found = _compare(topics, grow_keyed=False)
    _say(topics, found, [], output, nothing="the broker is as declared")
    raise typer.Exit(0 if found.empty else 1)


@app.command()
def export(to: Annotated[Format, typer.Option(help="asyncapi.")], file: File = None, environment: Name = None) -> None:
    """Print the topics and their messages in another description language."""
    match to:
        case Format.ASYNCAPI:
            print(asyncapi.document_text(_load(file, environment or "production")), end="")
        case _:
            assert_never(to)


def _load(file: Path | None, environment: str | None) -> Topics:
    known = settings.load()
    return contract.load(file or known.topics_file, environment or known.environment)


def _compare(topics: Topics, grow_keyed: bool) -> Plan:
    actual = admin.describe(settings.load().kafka, [topic.name for topic in topics])
    return topology.plan(topics, actual, grow_keyed=grow_keyed)


def _say(
    topics: Topics, found: Plan, failed: list[tuple[Change, str]], output: Output, nothing: str = "nothing to do"
) -> None:
    if output is Output.JSON:
        print(
            json.dumps(
                {
                    "environment": topics.environment,
                    "changes": [_as_json(change) for change in found.changes],
                    "refused": [{"topic": refusal.topic.name, "reason": refusal.reason} for refusal in found.refusals],
                    "failed": [{**_as_json(change), "error": why} for change, why in failed],
                }
            )
        )
        return
    for item in (*found.changes, *found.refusals):
        print(item)
    for change, why in failed:
        print(f"failed: {change}: {why}")
    if found.empty and not failed:
        print(nothing)


def _as_json(change: Change) -> dict[str, Any]:
    match change:
        case Create(topic):
            return {
                "action": "create",
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "config": dict(topic.config),
            }
        case Grow(topic, partitions):
            return {"action": "grow", "topic": topic.name, "before": partitions, "after": topic.partitions}
        case Configure(topic, key, before, after):
            return {"action": "set", "topic": topic.name, "key": key, "before": before, "after": after}
        case _:
            assert_never(change)
