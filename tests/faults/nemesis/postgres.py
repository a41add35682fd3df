"""Faults of Postgres: killed, restarted, frozen, sessions cut, and what an operator or a full machine does to it."""

from __future__ import annotations

from contextlib import suppress
from signal import SIGKILL, SIGQUIT, Signals
from typing import TYPE_CHECKING, Final

import psutil

from tests.faults.nemesis.kind import Kind
from tests.faults.stage import LOGINS, Setting
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

FROZEN_S: Final = 120.0
HELD_S: Final = 6.0
OURS: Final = f"usename IN ({', '.join(repr(login) for login in LOGINS)})"
CUT: Final = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}"
IN_TRANSACTION: Final = "state IN ('active', 'idle in transaction') AND xact_start IS NOT NULL"
WAITING_COMMITS: Final = f"SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event = 'SyncRep'"
COMMITTING: Final = f"{CUT} AND wait_event = 'SyncRep'"


def kill_server(episode: Episode) -> Bite:
    """Every process of it, as when the machine dies."""
    bite = episode.bite()
    episode.stage.postgres.kill()
    episode.pause(episode.rng.uniform(0.0, 2.0))
    episode.stage.postgres.start()
    return bite


def kill_postmaster(episode: Episode) -> Bite:
    """It alone: its children notice, and end when they are done."""
    return _strike(episode, SIGKILL)


def restart_at_once(episode: Episode) -> Bite:
    """As `pg_ctl restart -m immediate`: without a checkpoint, sessions cut where they are."""
    return _strike(episode, SIGQUIT)


def _strike(episode: Episode, number: Signals) -> Bite:
    bite = episode.bite()
    episode.stage.postgres.strike(number)
    episode.stage.postgres.start()
    return bite


def freeze(episode: Episode) -> Bite:
    """For two minutes: longer than anything of ours waits."""
    bite = episode.bite()
    server = psutil.Process(episode.stage.postgres.pid)
    everything = [server, *server.children(recursive=True)]
    for process in everything:
        process.suspend()
    try:
        episode.pause(FROZEN_S)
    finally:
        for process in everything:
            process.resume()
    return bite


def cut_sessions(episode: Episode) -> Bite:
    """Those that are in a transaction, several times."""
    bite = episode.bite()
    cut = 0
    for _ in range(10):
        cut += episode.witness.ask(f"{CUT} AND {IN_TRANSACTION}")
        episode.pause(0.2)
    return bite if cut else Bite()


def lose_commits(episode: Episode) -> Bite:
    """Sessions cut while they wait for their COMMIT: it happened, and who asked for it is never told.

    With a standby that is not there every commit waits for it, done on disk and seen by nobody.
    """
    _set(episode, "synchronous_standby_names", "nobody")
    try:
        episode.until(lambda: episode.witness.ask(WAITING_COMMITS))
        bite = episode.bite()
        lost = episode.witness.ask(COMMITTING)
    finally:
        _set(episode, "synchronous_standby_names", "")
    return bite if lost else Bite()


def refuse_connections(episode: Episode) -> Bite:
    """No role of ours may connect, and all are cut."""
    bite = episode.bite()
    for login in LOGINS:
        episode.witness.run(f"ALTER ROLE {login} CONNECTION LIMIT 0")
    try:
        episode.witness.ask(CUT)
        episode.pause(HELD_S)
    finally:
        for login in LOGINS:
            episode.witness.run(f"ALTER ROLE {login} CONNECTION LIMIT -1")
    return bite


def make_read_only(episode: Episode) -> Bite:
    """As after a failover to a standby."""
    bite = episode.bite()
    _set(episode, "default_transaction_read_only", "on")
    try:
        episode.witness.ask(CUT)
        episode.pause(HELD_S)
    finally:
        _set(episode, "default_transaction_read_only", "off")
        episode.witness.ask(CUT)
    return bite


def fill_the_disk(episode: Episode) -> Bite:
    """To the last byte, and after a while there is room again; a server that gave up meanwhile is started."""
    bite = episode.bite()
    postgres = episode.stage.postgres
    filler = postgres.folder / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(2**20))
    episode.pause(HELD_S)
    filler.unlink()
    if not postgres.is_alive():
        postgres.start()
    return bite


def hold_a_snapshot(episode: Episode) -> Bite:
    """Somebody's long transaction: nothing that is deleted can be cleaned up."""
    bite = episode.bite()
    with episode.witness.long_transaction():
        episode.pause(3 * HELD_S)
    return bite


def _set(episode: Episode, name: str, value: str) -> None:
    episode.witness.run(f"ALTER SYSTEM SET {name} = '{value}'")
    episode.witness.ask("SELECT pg_reload_conf()")


KINDS: Final = (
    Kind("Postgres killed", kill_server),
    Kind("Postgres' postmaster killed", kill_postmaster),
    Kind("Postgres restarted at once", restart_at_once),
    Kind("Postgres frozen for two minutes", freeze),
    Kind("sessions cut", cut_sessions),
    Kind("outcome of COMMIT unknown", lose_commits),
    Kind("connections refused", refuse_connections),
    Kind("Postgres read only", make_read_only),
    Kind("long transaction", hold_a_snapshot),
    Kind("disk full", fill_the_disk, Setting.SMALL_DISK),
)
