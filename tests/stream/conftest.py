"""A rig for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stream import rig as rigs
from tests.stream.rig import Rig


@pytest.fixture
def rig(kafka: str, database: str, tmp_path: Path) -> Iterator[Rig]:
    """Topics and database of its own on the shared servers, ready for workers."""
    with rigs.standing(kafka, database, tmp_path) as made:
        made.prepare()
        yield made
