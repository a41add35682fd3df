"""The checker is independent of the product, green on what the product recorded, and red on every way to spoil it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.judge import checker, snapshot
from tests.faults.judge.snapshot import World
from tests.faults.mutation.catalogue import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]


def fresh(world: World) -> World:
    """A copy to be spoiled."""
    copied: World = pickle.loads(pickle.dumps(world))  # noqa: S301 - our own bytes; ten times as fast as deepcopy
    return copied


def test_the_checker_imports_nothing_of_the_product() -> None:
    program = (
        "import sys, tests.faults.judge.checker; print([m for m in sys.modules if m.split('.')[0] == 'hitl_stream'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_untouched_world_is_green(recorded_world: World) -> None:
    violations = checker.check(recorded_world)
    assert violations == [], checker.report(recorded_world, violations, "text")


def test_the_recorded_world_holds_every_fate(recorded_world: World) -> None:
    figures = checker.figures(recorded_world)
    left = {"expired", "pending"}  # what people leave undone is up to them
    assert not [name for name, number in figures.items() if number == 0 and name not in left]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_a_spoiled_world_is_red_with_the_matching_violation(recorded_world: World, mutation: Mutation) -> None:
    world = fresh(recorded_world)
    mutation.spoil(world)
    kinds = {violation.kind for violation in checker.check(world)}
    assert mutation.kind in kinds


def test_a_snapshot_survives_being_saved_and_loaded(recorded_world: World, tmp_path: Path) -> None:
    snapshot.save(recorded_world, tmp_path / "world.json")
    assert snapshot.load(tmp_path / "world.json") == recorded_world


def test_the_program_says_what_is_wrong(
    recorded_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh(recorded_world)
    snapshot.save(world, tmp_path / "green.json")
    assert checker.main([str(tmp_path / "green.json"), "--output", "json"]) == 0
    world.tables["evidence"].pop()
    snapshot.save(world, tmp_path / "red.json")
    assert checker.main([str(tmp_path / "red.json"), "--output", "json"]) == 1
    answers = capsys.readouterr().out.split("}\n{")
    assert "input_lost" in {v["kind"] for v in json.loads("{" + answers[-1])["violations"]}
