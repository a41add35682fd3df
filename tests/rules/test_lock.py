"""The lock files say names, versions and hashes, nothing else, and they agree with each other and with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.rules.source import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
ENTRY = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def lines(lock: str) -> list[str]:
    return (ROOT / lock).read_text().splitlines()


def versions(lock: str) -> dict[tuple[str, str], str]:
    matches = filter(None, map(ENTRY.match, lines(lock)))
    return {(match["name"], (match["marker"] or "").strip()): match["version"] for match in matches}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wanted(*extras: str) -> set[str]:
    found = project()
    requirements = [*found["project"]["dependencies"], *found["dependency-groups"]["build"]]
    for extra in extras:
        requirements += found["project"]["optional-dependencies"][extra]
    return {re.split(r"[\[=<>~! ;]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


@pytest.mark.parametrize("lock", [*LOCKS, "benchmarks/quix.lock"])
def test_a_lock_holds_names_versions_and_hashes_only(lock: str) -> None:
    assert [line for line in lines(lock) if not ENTRY.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_version_has_a_hash(lock: str) -> None:
    text = lines(lock)
    entries = [number for number, line in enumerate(text) if ENTRY.match(line)]
    assert entries
    assert [text[number] for number in entries if not HASH.match(text[number + 1])] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ("demo",)),
        ("requirements-dev.lock", ("demo", "test", "lint")),
        ("requirements-bench.lock", ("demo", "bench")),
    ],
)
def test_everything_the_project_names_is_locked(lock: str, extras: tuple[str, ...]) -> None:
    assert wanted(*extras) - {name for name, _ in versions(lock)} == set()


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_what_is_tested_is_what_runs(lock: str) -> None:
    runtime, other = versions("requirements.lock"), versions(lock)
    assert {name: (version, other.get(name)) for name, version in runtime.items() if other.get(name) != version} == {}
