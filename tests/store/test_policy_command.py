"""`hitl-stream policy` as an operator runs it: what it prints, how it exits, what stands in the audit afterwards."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hitl_stream.embedded.postgres import free_port
from hitl_stream.store import statement
from tests.harness import command, wait
from tests.harness import database as databases
from tests.harness.postgres import PostgresServer
from tests.unit.approvable import MEMBERS

MAIN = "from hitl_stream.cli import main; main()"
STRICT = {**MEMBERS, "name": "strict", "confidence_min": 0.99}


class Operator:
    """Runs the command against one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start it as a process."""
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, "policy", *words],
            env={**os.environ, "HITL_DATABASE_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str, stdin: bytes = b"", url: str | None = None) -> tuple[int, str, str]:
        """Exit code, output, errors; in this process."""
        return command.run("policy", *words, env={"HITL_DATABASE_URL": url or self.url}, stdin=stdin)

    def file(self, content: Any) -> str:
        """A file with this document, or these bytes."""
        path = self.folder / "policy.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Ask as the owner."""
        found: list[tuple[Any, ...]] = []

        async def ask() -> None:
            conn = await asyncpg.connect(self.url)
            found.extend(tuple(row) for row in await conn.fetch(query))
            await conn.close()

        databases.run(ask())
        return found


@pytest.fixture
def operator(postgres: PostgresServer, tmp_path: Path) -> Iterator[Operator]:
    """An operator of a fresh database; one server is enough here."""
    with databases.migrated(postgres) as url:
        yield Operator(url, tmp_path)


def test_a_shell_sees_exit_codes_and_one_line_of_what_went_wrong(operator: Operator) -> None:
    for words, code in ((["list"], 0), (["show", "5"], 1), (["auto-approve", "maybe", "--reason", "x"], 2)):
        process = operator.start(*words)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, b"Traceback" in err, bool(out)) == (code, False, code == 0), err


def test_a_policy_goes_from_proposal_to_decision_and_back(operator: Operator) -> None:
    code, out, _ = operator.run("propose", operator.file(STRICT), "--note", "fewer doubts", "--by", "ann")
    assert (code, out.split(" is ")[0]) == (0, "version 2")
    assert "policy activate 2 --reason" in out
    code, out, _ = operator.run("activate", "2", "--reason", "agreed", "--by", "bob")
    assert (code, out) == (0, "version 2 decides now; before it was 1\n")
    code, out, _ = operator.run("auto-approve", "off", "--reason", "incident 7", "--by", "carl")
    assert (code, out) == (0, "auto-approval is off; before it was on\n")
    code, out, _ = operator.run("list")
    lines = out.splitlines()
    assert lines[0] == "auto-approval is off: every patch goes to a person"
    assert [line.split()[:2] for line in lines[1:]] == [["*", "2"], ["1", lines[2].split()[1]]]
    assert lines[1].endswith("ann                  fewer doubts")
    query = "SELECT action, actor, role, policy_version, justification FROM audit_entry ORDER BY id"
    assert operator.fetch(query) == [
        ("policy_proposed", "ann", "operator", 2, "fewer doubts"),
        ("policy_activated", "bob", "operator", 2, "agreed"),
        ("auto_approve_disabled", "carl", "operator", 2, "incident 7"),
    ]


def test_a_script_reads_what_there_is(operator: Operator) -> None:
    code, out, _ = operator.run(
        "propose", "-", "--note", "trial", "--output", "json", stdin=json.dumps(STRICT).encode()
    )
    assert (code, json.loads(out)) == (0, {"version": 2})
    code, out, _ = operator.run("list", "--output", "json")
    listed = json.loads(out)
    assert (code, listed["auto_approve"]) == (0, True)
    newest, first = listed["versions"]
    assert (newest["version"], newest["active"], newest["note"]) == (2, False, "trial")
    assert newest["proposed_by"] == getpass.getuser()
    assert (newest["document"], first["document"], first["active"]) == (STRICT, MEMBERS, True)


def test_what_is_shown_can_be_changed_and_proposed(operator: Operator) -> None:
    code, out, _ = operator.run("show")
    assert (code, json.loads(out)) == (0, MEMBERS)
    assert operator.run("propose", operator.file(out.encode()), "--note", "the same again")[0] == 0
    assert json.loads(operator.run("show", "2")[1]) == MEMBERS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**STRICT, "confidence_min": 7}, "confidence_min: "),
        ({**STRICT, "version": 2}, "version: "),
        ({**STRICT, "name": "\0"}, "name: U+0000"),
        (b'{"enabled": true, "enabled": false}', 'duplicate key "enabled"'),
        (b"{cut o", "not JSON"),
        (b"[]", "a JSON object is expected"),
        (b"\xff", "not JSON"),
        (b'{"x": NaN}', "not JSON"),
        (b" " * 70_000, "more than 65536 bytes"),
    ],
    ids=["member", "version", "NUL", "twice", "cut off", "array", "no text", "NaN", "long"],
)
def test_an_unsound_document_is_refused_in_one_line(operator: Operator, content: Any, said: str) -> None:
    code, out, err = operator.run("propose", operator.file(content), "--note", "trial")
    assert (code, out) == (1, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert operator.fetch("SELECT count(*) FROM policy_document") == [(1,)]


@pytest.mark.parametrize("words", [("activate", "5", "--reason", "x"), ("show", "5")], ids=" ".join)
def test_a_version_that_is_not_there_is_a_problem(operator: Operator, words: tuple[str, ...]) -> None:
    assert operator.run(*words) == (1, "", "hitl-stream: no policy version 5\n")


WRONG = [
    ("auto-approve", "maybe", "--reason", "x"),
    ("auto-approve", "off"),
    ("auto-approve", "off", "--reason", " "),
    ("auto-approve", "off", "--reason", "x", "--by", "policy"),
    ("auto-approve", "off", "--reason", "x", "--by", " "),
    ("auto-approve", "off", "--reason", "\udcff"),
    ("activate", "0", "--reason", "x"),
    ("activate", "9" * 12, "--reason", "x"),
    ("activate", "one", "--reason", "x"),
    ("propose", "/nowhere/policy.json", "--note", "x"),
    ("list", "--output", "xml"),
]


@pytest.mark.parametrize("words", WRONG, ids=[ascii(" ".join(words)) for words in WRONG])
def test_wrong_use_is_said_before_anything_is_tried(operator: Operator, words: tuple[str, ...]) -> None:
    nobody = f"postgresql://x:y@127.0.0.1:{free_port()}/x"
    code, out, err = operator.run(*words, url=nobody)
    assert (code, out) == (2, ""), err


def test_a_database_that_is_away_is_a_problem_in_one_line(operator: Operator) -> None:
    code, out, err = operator.run("list", url=f"postgresql://x:secret@127.0.0.1:{free_port()}/x")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "secret" not in err


def test_the_switch_returns_only_when_every_batch_of_before_has_ended(operator: Operator) -> None:
    async def watch() -> None:
        batch = await asyncpg.connect(operator.url)
        observer = await asyncpg.connect(operator.url)
        transaction = batch.transaction()
        await transaction.start()
        await batch.execute(statement.get("share_policy_lock"))
        process = operator.start("auto-approve", "off", "--reason", "incident", "--by", "ann")

        async def waits() -> bool:
            query = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            return bool(await observer.fetchval(query))

        await wait.until_async(waits, 60)
        assert process.poll() is None
        assert await observer.fetchval("SELECT auto_approve FROM policy_state") is True
        await transaction.commit()
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert await observer.fetchval("SELECT auto_approve FROM policy_state") is False
        process.communicate()
        await batch.close()
        await observer.close()

    databases.run(watch())
