"""What every test may use. The fixtures stand in tests/harness."""

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
