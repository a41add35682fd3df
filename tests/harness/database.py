"""A fresh, migrated database for every test: migrations run once per server, then Postgres copies the result."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.store import migration
from tests.harness import people

T = TypeVar("T")

TEMPLATE = "hitl_template"
_numbers = itertools.count(1)
_prepared: set[int] = set()


@contextmanager
def migrated(server: Postgres) -> Iterator[str]:
    """The URL of a fresh database with all migrations."""
    if server.port not in _prepared:
        _prepare(server)
        _prepared.add(server.port)
    with fresh(server, TEMPLATE) as url:
        yield url


def _prepare(server: Postgres) -> None:
    """Make the template: one empty database with all migrations."""
    run(execute(server.url(), f"CREATE DATABASE {TEMPLATE}"))
    run(migration.up(server.url(TEMPLATE)))
    run(execute(server.url(TEMPLATE), people.GRANT))
    run(execute(server.url(), f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false IS_TEMPLATE true"))


@contextmanager
def fresh(server: Postgres, template: str = "template0", options: str = "") -> Iterator[str]:
    """The URL of a database of its own, dropped afterwards whoever is still connected."""
    name = f"test_{next(_numbers)}"
    run(execute(server.url(), f"CREATE DATABASE {name} TEMPLATE {template} {options}"))
    try:
        yield server.url(name)
    finally:
        run(execute(server.url(), f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(url: str, *statements: str) -> None:
    """Run these as the owner."""
    connection = await asyncpg.connect(url, command_timeout=60)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in a thread of its own: the test's thread may have an event loop already. Returns what it came to."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
