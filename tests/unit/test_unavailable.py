"""Which failures mean that Postgres is away, and which that the statement is wrong."""

from __future__ import annotations

import asyncpg
import pytest

from hitl_stream.store.database import unavailable


def internal(severity: str) -> asyncpg.InternalServerError:
    """As Postgres says what nobody expected: of a statement, or with the end of the session."""
    said = {"S": severity, "V": severity, "C": "XX000", "M": "could not write init file"}
    failure = asyncpg.PostgresError.new(said)
    assert isinstance(failure, asyncpg.InternalServerError)
    return failure


CLASSES: list[tuple[BaseException, bool]] = [
    (OSError(), True),
    (TimeoutError(), True),
    (ConnectionResetError(), True),
    (asyncpg.DeadlockDetectedError(), True),
    (asyncpg.SerializationError(), True),
    (asyncpg.LockNotAvailableError(), True),
    (asyncpg.QueryCanceledError(), True),
    (asyncpg.TooManyConnectionsError(), True),
    (asyncpg.DiskFullError(), True),
    (asyncpg.ReadOnlySQLTransactionError(), True),
    (asyncpg.AdminShutdownError(), True),
    (asyncpg.CannotConnectNowError(), True),
    (asyncpg.InterfaceError("pool is closing"), True),
    (internal("FATAL"), True),
    (internal("ERROR"), False),
    (asyncpg.UniqueViolationError(), False),
    (asyncpg.CheckViolationError(), False),
    (asyncpg.InsufficientPrivilegeError(), False),
    (asyncpg.UndefinedTableError(), False),
    (asyncpg.DatabaseDroppedError(), False),
    (asyncpg.InterfaceError("another operation is in progress"), False),
    (ValueError(), False),
]


@pytest.mark.parametrize(
    ("failure", "expected"), CLASSES, ids=[f"{n}-{type(f).__name__}" for n, (f, _) in enumerate(CLASSES)]
)
def test_a_failure_is_sorted(failure: BaseException, expected: bool) -> None:
    assert unavailable(failure) is expected
