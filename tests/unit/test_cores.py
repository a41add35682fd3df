"""How many worker processes there are when nobody says: never more than there are cores to use, or partitions to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hitl_stream.cli import app
from hitl_stream.commands import worker


@pytest.mark.parametrize(
    ("quota", "allowed", "cores"),
    [
        (None, 16, 16),  # no cgroup
        ("max 100000", 16, 16),
        ("200000 100000", 16, 2),
        ("150000 100000", 16, 2),
        ("10000 100000", 16, 1),
        ("3200000 100000", 16, 16),
        ("", 3, 3),
    ],
)
def test_a_process_uses_the_cores_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str | None, allowed: int, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)))
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(f"{quota}\n")
    assert worker.cores(file) == cores


@pytest.mark.parametrize(("counted", "cores"), [(10, 10), (None, 1)])
def test_a_system_that_does_not_say_what_is_allowed_allows_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counted: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert worker.cores(tmp_path / "cpu.max") == cores


@pytest.mark.parametrize(("cores", "more", "processes"), [(16, [], 4), (3, [], 3), (16, ["--processes", "7"], 7)])
def test_there_are_no_more_processes_than_partitions_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, cores: int, more: list[str], processes: int
) -> None:
    counts: list[int] = []
    monkeypatch.setenv("HITL_ENVIRONMENT", "local")
    monkeypatch.setattr(worker, "cores", lambda: cores)
    monkeypatch.setattr(worker, "_supervise", lambda _, count, *__: counts.append(count))
    CliRunner().invoke(app, ["worker", *more])
    assert counts == [processes]
