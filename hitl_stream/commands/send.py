"""`hitl-stream send FILE|-`: publishes JSON lines as wargaming results, each checked first by the contract itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from hitl_stream import settings
from hitl_stream.broker.publisher import Outgoing, Publisher
from hitl_stream.commands.option import As, Output
from hitl_stream.contract import topics
from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import BadRecord

SOURCE = "/wargaming/send"
TYPE = "wargaming.result.v1"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of input as a record, and why it cannot be used, if so."""

    number: int
    record: Outgoing
    problem: str | None


def run(
    file: Annotated[Path, typer.Argument(help="JSON lines; - is standard input.")],
    source: Annotated[str, typer.Option(help="Source of lines that are bare data.")] = SOURCE,
    allow_bad: Annotated[bool, typer.Option("--allow-bad", help="Send bad lines too, as they are.")] = False,
    output: As = Output.TEXT,
) -> None:
    """Publish wargaming results: each line a whole CloudEvent (structured mode), or its `data` alone.

    Nothing is sent if any line is bad. The id of bare data follows from its bytes: sending a file twice changes nothing.
    """
    chosen = settings.load()
    topic = topics.load(chosen.topics_file, chosen.environment).physical("wargaming_results")
    lines = list(read(_content(file), source, topic))
    bad = [line for line in lines if line.problem is not None]
    sent = 0
    if lines and (allow_bad or not bad):
        sent = Publisher(chosen.kafka).publish(topic, [line.record for line in lines])
    _report(bad, sent, topic, output)
    if bad and not allow_bad:
        raise typer.Exit(1)


def read(raw: bytes, source: str, topic: str) -> Iterator[Line]:
    """Every line that is not blank, as a record."""
    for number, text in enumerate(raw.split(b"\n"), 1):
        stripped = text.strip()
        if stripped:
            record = _record(stripped, source)
            yield Line(number, record, _problem(record, topic, number))


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from error


def _record(text: bytes, source: str) -> Outgoing:
    try:
        content: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        content = None  # the contract says what is wrong with it
    event = content if isinstance(content, dict) else {}
    if "specversion" in event:
        return Outgoing(_key(event.get("data")), text, {"content-type": b"application/cloudevents+json"})
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": f"send-{sha256(text).hexdigest()[:32]}".encode(),
        "ce_source": source.encode(),
        "ce_type": TYPE.encode(),
        "content-type": b"application/json",
    }
    return Outgoing(_key(event), text, headers)


def _key(data: Any) -> bytes | None:
    patch_id = data.get("patch_id") if isinstance(data, dict) else None
    return patch_id.encode("utf-8", "surrogatepass") if isinstance(patch_id, str) else None


def _problem(record: Outgoing, topic: str, number: int) -> str | None:
    placed = StoredRecord(
        topic, 0, number, int(time.time() * 1000), record.key, record.value, tuple(record.headers.items())
    )
    try:
        decode_result(placed)
    except BadRecord as bad:
        return bad.reason
    return None


def _report(bad: list[Line], sent: int, topic: str, output: Output) -> None:
    if output is Output.JSON:
        report = {"topic": topic, "sent": sent, "bad": [{"line": line.number, "reason": line.problem} for line in bad]}
        typer.echo(orjson.dumps(report).decode())
        return
    for line in bad:
        typer.echo(f"line {line.number}: {line.problem}", err=True)
    typer.echo(f"{sent} sent to {topic}, {len(bad)} bad" if bad else f"{sent} sent to {topic}")
