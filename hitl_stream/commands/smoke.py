"""`hitl-stream smoke`: sends one synthetic CVE through the whole running system and watches it at every border."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import orjson
import typer

from hitl_stream import settings
from hitl_stream.broker.follower import Follower
from hitl_stream.broker.publisher import Publisher
from hitl_stream.commands.option import As, Output
from hitl_stream.contract import topics
from hitl_stream.embedded import sample
from hitl_stream.embedded.neighbour import eureka
from hitl_stream.embedded.neighbour.oraculo import Oraculo
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.errors import HitlError
from hitl_stream.settings import Settings
from hitl_stream.store import review
from hitl_stream.store.database import Database

SOURCE = "/wargaming/smoke"
POLL_S = 0.05


class SmokeFailed(HitlError):
    """The synthetic CVE did not come through."""


def run(
    timeout: Annotated[float, typer.Option(help="Seconds for the whole way.", min=0.1)] = 30.0,
    sidecar: Annotated[str | None, typer.Option(help="Default: this machine, at HITL_HTTP_PORT.")] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="The bearer token of a service account; default: the demo's.", exists=True, dir_okay=False),
    ] = None,
    output: As = Output.TEXT,
) -> None:
    """One synthetic CVE: published, decided, in the database, on the topic, and refused by the gate. Exit 1 if not.

    Safe in production: what is synthetic is marked so in every message, and never deployable.
    """
    chosen = settings.load()
    report: dict[str, Any] = {"ok": False, "steps": {}}
    try:
        url = sidecar or f"http://127.0.0.1:{chosen.http_port}"
        gate = _gate(url.rstrip("/"), token_file)
        asyncio.run(_walk(chosen, gate, report, time.monotonic() + timeout))
        report["ok"] = True
    except HitlError as failure:
        report["failure"] = str(failure)
    typer.echo(orjson.dumps(report).decode() if output is Output.JSON else "\n".join(_lines(report)))
    if not report["ok"]:
        raise typer.Exit(1)


def _gate(url: str, token_file: Path | None) -> Sidecar:
    """The sidecar, asked as the smoke test's service account."""
    if token_file is None:
        return Sidecar(url, name="smoke")
    return Sidecar(url, token=token_file.read_text(encoding="utf-8").strip())


async def _walk(chosen: Settings, gate: Sidecar, report: dict[str, Any], deadline: float) -> None:
    """Go the way of a result, noting when each border was passed. Raises SmokeFailed, Unavailable, Fatal."""
    known = topics.load(chosen.topics_file, chosen.environment)
    started = time.monotonic()
    answers = [known.physical("decisions"), known.physical("pending_review")]

    def passed(step: str) -> None:
        report["steps"][step] = round(time.monotonic() - started, 3)

    follower = await asyncio.to_thread(Follower, chosen.kafka, answers, from_start=False)
    try:
        patch = await asyncio.to_thread(_publish, chosen, known)
        report["patch_id"] = patch.patch_id
        passed("published")
        report["state"] = await _recorded(chosen, patch.patch_id, deadline)
        passed("recorded")
        message = await asyncio.to_thread(_announced, follower, patch.patch_id, deadline)
        report["verdict"] = message.get("decision", "pending")
        passed("announced")
    finally:
        await asyncio.to_thread(follower.close)
    if message["synthetic"] is not True:
        raise SmokeFailed("the message does not say that it is synthetic")
    said = await asyncio.to_thread(gate.gate, patch.patch_id, message["patch_digest"])
    passed("gate answered")
    report["gate"] = said["reason"]
    if said["deployable"] is not False or said["reason"] not in ("synthetic", "pending_review"):
        raise SmokeFailed(f"the gate said {said['reason']} of something synthetic")


def _publish(chosen: Settings, known: topics.Topics) -> eureka.Patch:
    stamp = f"smoke-{uuid4()}"
    (first,) = [entry for entry in sample.story() if entry.name == "automatic"]
    patch = eureka.make_patch(Oraculo(stamp).emit(first, datetime.now(UTC)), first, 1, stamp)
    wargame = Wargame(Publisher(chosen.kafka), known.physical("wargaming_results"), stamp, 1)
    wargame.fight(patch, {}, SOURCE, synthetic=True)
    return patch


async def _recorded(chosen: Settings, patch_id: str, deadline: float) -> str:
    """The state in the database, once it is there."""
    async with Database.opened(chosen.database, "hitl_sidecar", name="hitl-smoke") as database:
        while time.monotonic() < deadline:
            async with database.connection() as conn:
                found = await review.read_standing(conn, patch_id)
            if found is not None:
                return found.state
            await asyncio.sleep(POLL_S)
    raise SmokeFailed("published, but no worker recorded it: is one running?")


def _announced(follower: Follower, patch_id: str, deadline: float) -> dict[str, Any]:
    """What the topics say of the patch."""
    while (left := deadline - time.monotonic()) > 0:
        for record in follower.read(min(left, 0.5)):
            if record.key == patch_id.encode():
                data: dict[str, Any] = orjson.loads(record.value or b"")["data"]
                return data
    raise SmokeFailed("recorded, but not announced on the topic: is the publisher stuck?")


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for step, seconds in report["steps"].items():
        yield f"{seconds:8.3f} s  {step}"
    if report["ok"]:
        yield f"ok: {report['patch_id']} is {report['verdict']}, and the gate says no ({report['gate']})"
    else:
        yield f"failed: {report['failure']}"
