"""`hitl-stream topics lint` needs no broker, and says what is wrong in words or in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hitl_stream.commands.topics import app
from hitl_stream.contract import topics

SHIPPED = topics.default_path().read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HITL_TOPICS_FILE", "HITL_ENVIRONMENT", "HITL_KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)


def lint(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(app, ["lint", *arguments])
    return result.exit_code, result.output


def write(folder: Path, before: str, after: str) -> str:
    """The file that ships with a part replaced."""
    assert before in SHIPPED
    path = folder / "topics.yaml"
    path.write_text(SHIPPED.replace(before, after), encoding="utf-8")
    return str(path)


def test_the_file_that_ships_is_sound() -> None:
    assert lint() == (0, "sound\n")
    assert lint("--output", "json") == (0, '{"problems": []}\n')


def test_an_event_without_a_schema_is_found(tmp_path: Path) -> None:
    code, output = lint("--file", write(tmp_path, "schema: hitl.decision.v1", "schema: hitl.decision.v9"))
    assert code == 1
    assert "topics.decisions.schema: there is no event 'hitl.decision.v9' (known: wargaming.result.v1," in output


def test_problems_are_listed_for_scripts(tmp_path: Path) -> None:
    code, output = lint("--output", "json", "--file", write(tmp_path, "    key: original\n", ""))
    assert code == 1
    assert json.loads(output) == {"problems": ["topics.dead_letters.key: is missing"]}


def test_the_file_named_by_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_TOPICS_FILE", write(tmp_path, "deadLetter: dead_letters", "deadLetter: nowhere"))
    code, output = lint()
    assert code == 1
    assert output.splitlines() == [
        "topics.wargaming_results.deadLetter: there is no topic 'nowhere'",
        "topics.eureka_outcomes.deadLetter: there is no topic 'nowhere'",
    ]


def test_a_wrong_option_is_wrong_use() -> None:
    assert lint("--output", "xml")[0] == 2
