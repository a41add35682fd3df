"""Every command of the whole tree explains itself, and says that it was used wrongly with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from hitl_stream.cli import app


def tree(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and every group below this one, with how to call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from tree(inner, *path, name)


def is_group(command: Any) -> bool:
    return hasattr(command, "commands")


EVERY = dict(tree(get_command(app)))
GROUPS = [path for path, command in EVERY.items() if is_group(command)]
COMMANDS = [path for path, command in EVERY.items() if not is_group(command)]
NEEDING = [path for path in COMMANDS if any(p.required for p in EVERY[path].params)]
TAKING_NOTHING = [
    path for path in COMMANDS if not any(p.param_type_name == "argument" and p.nargs == -1 for p in EVERY[path].params)
]
PRINTING = [path for path in COMMANDS if any("--output" in p.opts for p in EVERY[path].params)]


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200", "HITL_DATABASE_URL": ""})
    return result.exit_code, result.output


def check(paths: list[tuple[str, ...]]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=[" ".join(path) or "hitl-stream" for path in paths])


def test_the_names_that_users_rely_on_are_there() -> None:
    names = {" ".join(path) for path in COMMANDS}
    promised = {
        *("demo", "worker", "sidecar", "scheduler", "send", "doctor", "smoke", "decisions export"),
        *("migrate up", "migrate down", "migrate status", "migrate sql up", "migrate sql down"),
        *("topics lint", "topics plan", "topics apply", "topics verify", "topics export"),
        *("policy list", "policy show", "policy propose", "policy activate"),
        *("dead-letters list", "dead-letters show", "dead-letters replay", "dead-letters discard"),
    }
    assert promised - names == set()


@check(list(EVERY))
def test_help_is_there_and_says_what_it_is_for(path: tuple[str, ...]) -> None:
    code, out = run(*path, "--help")
    assert (code, "Usage:" in out) == (0, True)
    assert EVERY[path].help, "a command without a word of help"


@check(COMMANDS)
def test_every_option_and_argument_is_explained(path: tuple[str, ...]) -> None:
    unexplained = [
        p.name for p in EVERY[path].params if not getattr(p, "help", None) and not getattr(p, "hidden", False)
    ]
    assert unexplained == []


@check(list(EVERY))
def test_an_option_that_does_not_exist_is_wrong_use(path: tuple[str, ...]) -> None:
    code, out = run(*path, "--no-such-option")
    assert code == 2, out


@check(GROUPS)
def test_a_group_wants_a_command_that_exists(path: tuple[str, ...]) -> None:
    assert run(*path, "no-such-command")[0] == 2
    assert run(*path)[0] == (0 if path == ("migrate", "sql") else 2)  # by default it prints the way up


@check(NEEDING)
def test_what_must_be_given_is_missed(path: tuple[str, ...]) -> None:
    code, out = run(*path)
    assert (code, "Missing" in out) == (2, True), out


@check(TAKING_NOTHING)
def test_more_than_is_asked_for_is_wrong_use(path: tuple[str, ...]) -> None:
    code, out = run(*path, *["1"] * 5)
    assert code == 2, out


@check(PRINTING)
def test_only_known_outputs_are_taken(path: tuple[str, ...]) -> None:
    assert run(*path, "--output", "xml")[0] == 2
