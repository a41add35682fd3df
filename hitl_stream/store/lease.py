"""One scheduler is active: the holder of a lease row. Its epoch fences whoever held it before.

Every transaction of a duty holds the row, so that a takeover waits for it while a renewal does not; a holder that was frozen
finds another epoch and does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Connection

from hitl_stream.errors import HitlError
from hitl_stream.store import statement

NAME = "scheduler"
LEASE_S = 15.0


class LeaseLost(HitlError):
    """Another scheduler is active."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do the duties, until it expires or somebody else has a higher epoch."""

    holder: str
    epoch: int


async def take(conn: Connection, holder: str, lease_s: float = LEASE_S) -> Lease | None:
    """Prolong the lease, or take it once it has expired; None while somebody else has it. Prolonging keeps the epoch."""
    epoch = await conn.fetchval(statement.get("renew_lease"), NAME, holder, lease_s)
    if epoch is None:
        epoch = await conn.fetchval(statement.get("take_lease"), NAME, holder, lease_s)
    return None if epoch is None else Lease(holder, epoch)


async def hold(conn: Connection, lease: Lease) -> None:
    """Keep others from taking over until the transaction ends. Raises LeaseLost."""
    if await conn.fetchval(statement.get("hold_lease"), NAME, lease.holder, lease.epoch) is None:
        raise LeaseLost()


async def release(conn: Connection, lease: Lease) -> None:
    """Let the next one begin at once."""
    await conn.execute(statement.get("release_lease"), NAME, lease.holder, lease.epoch)
