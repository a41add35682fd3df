"""Scenes for the tests of the duties."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.duties import scene as scenes
from tests.duties.scene import Scene


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    """A fresh scene on Postgres 15."""
    async with scenes.standing(database) as made:
        yield made


@pytest.fixture
async def any_scene(any_database: str) -> AsyncIterator[Scene]:
    """A fresh scene, on each of both servers: for what rests on SQL of its own."""
    async with scenes.standing(any_database) as made:
        yield made
