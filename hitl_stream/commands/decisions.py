"""`hitl-stream decisions`: what was decided, for those who must look at it elsewhere."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import orjson
import typer

from hitl_stream import settings
from hitl_stream.contract import spreadsheet
from hitl_stream.errors import HitlError
from hitl_stream.store import export as store
from hitl_stream.store.database import Database
from hitl_stream.store.export import Filter

app = typer.Typer(help="What was decided.", no_args_is_help=True)

# A reader at the other end may take its time: a paused export is not an idle one.
COMMAND_TIMEOUT_S = 3600.0


class Format(StrEnum):
    """What to write."""

    JSONL = "jsonl"
    CSV = "csv"


class Decision(StrEnum):
    """What a row can say."""

    APPROVED = "approved"
    REJECTED = "rejected"
    PENDING = "pending"
    EXPIRED = "expired"
    REVOKED = "revoked"


class NotWritten(HitlError):
    """The file cannot be written."""


@app.callback()
def decisions() -> None:
    """What was decided."""


@app.command()
def export(
    format_: Annotated[
        Format, typer.Option("--format", help="jsonl: one JSON object per line; csv: with a header.")
    ] = Format.JSONL,
    to: Annotated[Path | None, typer.Option(help="The file to write; default: standard output.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Decided at this time or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Decided before this time, UTC.")] = None,
    decision: Annotated[Decision | None, typer.Option(help="Only these.")] = None,
    patch_id: Annotated[str | None, typer.Option(help="Only this patch.")] = None,
    apv_id: Annotated[str | None, typer.Option(help="Only this vulnerability.")] = None,
    cve_id: Annotated[str | None, typer.Option(help="Only this CVE.")] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="With what was only tried out.")] = False,
) -> None:
    """Write decisions with their audit, one per patch and round, from one snapshot.

    In CSV, texts that a spreadsheet would take for a formula begin with an apostrophe; JSON has them as they are.
    """
    wanted = Filter(_utc(since), _utc(until), decision, patch_id, apv_id, cve_id, synthetic)
    url = settings.load().database
    if to is None:
        asyncio.run(_export(url, wanted, format_, sys.stdout))
        return
    with _writing(), to.open("w", encoding="utf-8", newline="") as file:
        asyncio.run(_export(url, wanted, format_, file))


async def _export(url: str, wanted: Filter, format_: Format, file: TextIO) -> None:
    name = "hitl-stream decisions"
    async with Database.opened(url, "hitl_operator", name=name, command_timeout_s=COMMAND_TIMEOUT_S) as database:
        with _writing():
            write = _WRITERS[format_](file)
        async with database.connection() as conn, aclosing(store.decisions(conn, wanted)) as rows:
            async for row in rows:
                with _writing():
                    write(row)
        with _writing():
            file.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Keep what happens to the file apart from what happens to the database."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains of it once more at the end
        raise typer.Exit(0) from None  # whoever read has seen enough
    except OSError as error:
        raise NotWritten(f"cannot write: {error.strerror}") from error


def _jsonl(file: TextIO) -> Callable[[dict[str, Any]], None]:
    def write(row: dict[str, Any]) -> None:
        file.write(orjson.dumps({**row, "audit_log": orjson.Fragment(row["audit_log"])}).decode() + "\n")

    return write


def _csv(file: TextIO) -> Callable[[dict[str, Any]], None]:
    writer = csv.writer(file)
    writer.writerow(store.COLUMNS)

    def write(row: dict[str, Any]) -> None:
        writer.writerow([_cell(row[column]) for column in store.COLUMNS])

    return write


_WRITERS = {Format.JSONL: _jsonl, Format.CSV: _csv}


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return spreadsheet.cell(value) if isinstance(value, str) else value


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
