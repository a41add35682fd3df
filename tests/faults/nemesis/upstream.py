"""Faults of those who produce: a burst of poison, transactions that hang and are aborted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.nemesis.kind import Kind
from tests.faults.toll import Bite
from tests.faults.upstream import generate

if TYPE_CHECKING:
    from tests.faults.episode import Episode

BURST: Final = 300
HUNG_S: Final = 4.0


def send_poison(episode: Episode) -> Bite:
    """Hundreds of records that nobody can read, between those of the others."""
    upstream = episode.upstream()
    bite = episode.bite()
    upstream.send(generate.burst(BURST, seed=episode.rng.getrandbits(32)))
    upstream.finish()
    return bite


def abort_transactions(episode: Episode) -> Bite:
    """One hangs with records of every partition in it, so that nobody can read past them; then it is aborted."""
    upstream = episode.upstream()
    planned = generate.burst(8, seed=episode.rng.getrandbits(32))
    with upstream.transaction(planned):
        bite = episode.unrecorded()
        episode.pause(HUNG_S)
    return bite


KINDS: Final = (Kind("burst of poison", send_poison), Kind("transaction aborted", abort_transactions))
