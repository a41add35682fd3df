"""A small world that the real product recorded on a real database, made once for all tests of the checker."""

from __future__ import annotations

import pytest

from tests.faults import recorded
from tests.faults.judge.snapshot import World
from tests.faults.upstream import generate
from tests.harness import database as databases
from tests.harness.postgres import PostgresServer

RESULTS, SEED = 900, 4


@pytest.fixture(scope="session")
def recorded_world(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Do not change it: spoil a copy."""
    folder = tmp_path_factory.mktemp("recorded")
    planned = generate.plan(RESULTS, seed=SEED)
    with databases.migrated(postgres) as url:
        return databases.run(recorded.record(url, planned, folder, seed=SEED))
