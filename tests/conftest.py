"""What every test may use. The fixtures, time budgets and the report of skips stand in tests/harness."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.budget import Budget
from tests.harness.fixture import (
    any_database,
    any_postgres,
    database,
    embedded_postgres,
    empty_database,
    kafka,
    mock_kafka,
    postgres,
)

__all__ = [
    "any_database",
    "any_postgres",
    "database",
    "embedded_postgres",
    "empty_database",
    "kafka",
    "mock_kafka",
    "postgres",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--report FILE`, used by `make test-full`; `--pictures FOLDER` for docs/console."""
    parser.addoption("--report", type=Path, default=None, help="also write what the run took and left out to FILE")
    parser.addoption("--pictures", type=Path, default=None, help="where pictures of the console are put")


def pytest_configure(config: pytest.Config) -> None:
    """Count time and skips."""
    config.pluginmanager.register(Budget(config.getoption("--report")), "budget")
