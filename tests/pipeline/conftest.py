"""A rig whose processes are the product's own worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stream import rig as rigs
from tests.stream.rig import Rig

WORKER = ("-c", "from hitl_stream.cli import main; main()", "worker", "--processes", "1")


@pytest.fixture
def rig(kafka: str, database: str, tmp_path: Path) -> Iterator[Rig]:
    """Topics and database of its own on the shared servers."""
    with rigs.standing(kafka, database, tmp_path) as made:
        made.program = WORKER
        made.create_topics()
        yield made
