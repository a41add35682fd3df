"""`decisions export`: the compliance view, streamed, filtered, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from hitl_stream.commands import decisions
from hitl_stream.store import export, statement
from tests.harness import database as databases
from tests.store import row
from tests.store.row import NOW


@pytest.fixture
def filled(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Five patches: approved, rejected by a person with a hostile comment, pending, synthetic, and one more a day later."""
    databases.run(_fill(database))
    monkeypatch.setenv("HITL_DATABASE_URL", database)
    return database


async def _fill(url: str) -> None:
    conn = await asyncpg.connect(url)
    rejected = {"patch_id": "p-2", "apv_id": "apv-2"}
    for patch, decision in (
        (row.patch(), row.decision()),
        (
            row.patch(**rejected, state="rejected", approved_by=None),
            row.by_person(**rejected, decision="rejected", valid_until=None, comment='=cmd|" /C calc"!A1\n"x", ü'),
        ),
        (row.pending(patch_id="p-3", apv_id="apv-3"), None),
        (row.patch(patch_id="p-4", apv_id="apv-4", synthetic=True), row.decision(patch_id="p-4", synthetic=True)),
        (row.patch(patch_id="p-5", apv_id="apv-5"), row.decision(patch_id="p-5", decided_at=NOW + timedelta(days=1))),
    ):
        await row.insert(conn, "patch", patch)
        if decision is not None:
            await row.insert(conn, "decision", decision)
    await conn.close()


def exported(*words: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(decisions.app, ["export", *words])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


FILTERS: list[tuple[list[str], list[str]]] = [
    ([], ["p-1", "p-2", "p-3", "p-5"]),
    (["--synthetic"], ["p-1", "p-2", "p-3", "p-4", "p-5"]),
    (["--decision", "rejected"], ["p-2"]),
    (["--decision", "pending"], ["p-3"]),
    (["--patch-id", "p-5"], ["p-5"]),
    (["--apv-id", "apv-1"], ["p-1"]),
    (["--cve-id", "CVE-2026-1", "--decision", "approved"], ["p-1", "p-5"]),
    (["--since", "2026-01-16"], ["p-5"]),
    (["--until", "2026-01-16"], ["p-1", "p-2"]),
    (["--since", "2026-01-15T12:00:00", "--until", "2026-01-15T12:00:01"], ["p-1", "p-2"]),
    (["--patch-id", "none"], []),
]


@pytest.mark.parametrize(("words", "expected"), FILTERS, ids=[" ".join(words) or "all" for words, _ in FILTERS])
def test_a_filter_selects(filled: str, words: list[str], expected: list[str]) -> None:
    assert [found["patch_id"] for found in exported(*words)] == expected


def test_a_line_of_json_says_everything(filled: str) -> None:
    (found,) = exported("--patch-id", "p-2")
    assert tuple(found) == export.COLUMNS
    assert (found["decision"], found["decided_by"], found["comment"]) == (
        "rejected",
        "ann",
        '=cmd|" /C calc"!A1\n"x", ü',
    )
    assert [entry["action"] for entry in found["audit_log"]] == ["rejected"]
    assert found["decided_at"] == "2026-01-15T12:00:00+00:00"


def test_csv_reads_back_and_starts_no_formula(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    assert CliRunner().invoke(decisions.app, ["export", "--format", "csv", "--to", str(file)]).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert [found["patch_id"] for found in rows] == ["p-1", "p-2", "p-3", "p-5"]
    assert rows[1]["comment"] == '\'=cmd|" /C calc"!A1\n"x", ü'
    assert (rows[2]["decision"], rows[2]["decided_at"]) == ("pending", "")
    assert json.loads(rows[0]["audit_log"])[0]["action"] == "approved"


@pytest.mark.parametrize("first", "=+-@＝＋－＠\t\r\n")
def test_what_a_spreadsheet_takes_for_a_formula_is_a_text(first: str) -> None:
    assert decisions._cell(f"{first}1+1") == f"'{first}1+1"


def test_a_file_that_cannot_be_written_is_not_blamed_on_the_database(filled: str) -> None:
    for target in ("/dev/full", "/no/such/folder/x"):
        result = CliRunner().invoke(decisions.app, ["export", "--to", target])
        assert isinstance(result.exception, decisions.NotWritten)


async def test_an_export_is_streamed_without_sorting_everything(owner: asyncpg.Connection) -> None:
    sql = statement.get("export_decisions")
    plan = await owner.fetch(f"EXPLAIN {sql}", None, None, None, None, None, None, False)
    text = "\n".join(line[0] for line in plan)
    assert "Merge Append" in text, text
