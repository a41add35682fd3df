"""The schema goes up and down, by program and by psql, however often and however many try at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from hitl_stream.commands import migrate
from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.store import migration, process, revision
from hitl_stream.store.database import Database
from hitl_stream.store.revision import BASE, SchemaTooOld
from tests.harness.postgres import PostgresServer
from tests.store import catalog

ROLES = ("hitl_worker", "hitl_scheduler", "hitl_sidecar", "hitl_operator")
STARTS = 20


async def described(url: str) -> list[str]:
    conn = await asyncpg.connect(url)
    try:
        return await catalog.describe(conn)
    finally:
        await conn.close()


async def execute(url: str, sql: str, *arguments: object) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(sql, *arguments)
    finally:
        await conn.close()


def psql(url: str, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("psql")
    assert program, "psql belongs to the Postgres server's packages"
    file = folder / "script.sql"
    file.write_text(script)
    command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def start(url: str) -> int:
    """One start of many, in a process of its own."""
    return len(asyncio.run(migration.up(url)))


async def test_up_from_empty_then_nothing_is_left_to_do(empty_database: str) -> None:
    assert [step.id for step in await migration.up(empty_database)] == [step.id for step in revision.line()]
    assert await migration.up(empty_database) == []
    assert await migration.status(empty_database) == (revision.head(), [])


async def test_up_down_up_down_up_gives_the_same_schema_each_time(empty_database: str) -> None:
    await migration.up(empty_database)
    first = await described(empty_database)
    for _ in range(2):
        assert await migration.down(empty_database, BASE)
        assert (await migration.status(empty_database))[0] == BASE
        await migration.up(empty_database)
        assert await described(empty_database) == first


async def test_down_leaves_nothing_of_ours_in_public(empty_database: str) -> None:
    await migration.up(empty_database)
    await migration.down(empty_database, BASE)
    left = [line for line in await described(empty_database) if "alembic_version" not in line]
    assert left == []


async def test_down_without_anything_to_take_back_is_harmless(empty_database: str) -> None:
    assert await migration.down(empty_database, BASE) == []


def test_twenty_starts_at_once_all_succeed_and_one_does_the_work(empty_database: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(STARTS, mp_context=context) as starts:
        done = list(starts.map(start, [empty_database] * STARTS))
    assert sorted(done) == [0] * (STARTS - 1) + [len(revision.line())]


async def test_scripts_for_psql_lead_to_the_identical_schema(
    any_postgres: Postgres, empty_database: str, tmp_path: Path
) -> None:
    await migration.up(empty_database)
    by_program = await described(empty_database)
    await migration.down(empty_database, BASE)

    up, down = migration.script(BASE, revision.head()), migration.script(revision.head(), BASE)
    for script in (up, down, up):
        ran = psql(empty_database, script, tmp_path)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert await described(empty_database) == by_program
    assert await migration.up(empty_database) == []


async def test_a_script_that_starts_elsewhere_changes_nothing(empty_database: str, tmp_path: Path) -> None:
    await migration.up(empty_database)
    before = await described(empty_database)
    ran = psql(empty_database, migration.script(BASE, revision.head()), tmp_path)
    assert ran.returncode == 3
    assert f"stands at revision {revision.head()}, this script starts from base" in ran.stderr
    assert await described(empty_database) == before


async def test_down_keeps_what_must_be_defended_later(database: str) -> None:
    conn = await asyncpg.connect(database)
    await conn.execute(FILL)
    kept = {
        **dict.fromkeys(
            ("decision", "action", "patch", "round_closed", "outcome", "dead_letter", "policy_document"), "t"
        ),
        "evidence": "(t.patch_id, t.source, t.event_id, t.round, t.payload_sha256, t.payload, t.received_at)",
        "vote": "t",
        "look": "t",
        "author": "t",
        "approval_rule": "t",
        "access_group_role": "t",
    }
    before = {
        table: await conn.fetch(f"SELECT {row}::text AS row FROM {table} t ORDER BY 1") for table, row in kept.items()
    }
    assert all(before.values())
    for time in range(2):
        await migration.down(database, BASE)
        for table, row in kept.items():
            archived = await conn.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'archive' AND tablename ~ $1", f"^{table}_2"
            )
            assert len(archived) == time + 1
            if time == 0:
                rows = await conn.fetch(
                    f"SELECT {row}::text AS row FROM archive.{archived[0]['tablename']} t ORDER BY 1"
                )
                assert rows == before[table]
        await migration.up(database)
    await conn.close()


async def test_down_refuses_while_a_process_needs_the_schema(database: str, tmp_path: Path) -> None:
    worker = await Database.open(database, "hitl_worker", size=1, name="test")
    async with worker.connection() as conn:
        me = await process.register(conn, "worker")
        with pytest.raises(migration.StillInUse, match=f"worker on {me.host}"):
            await migration.down(database, BASE)
        ran = psql(database, migration.script(revision.head(), BASE), tmp_path)
        assert (ran.returncode, me.host in ran.stderr) == (3, True)
        assert (await migration.status(database))[0] == revision.head()
        await process.leave(conn, me)
    await worker.close()
    assert await migration.down(database, BASE)


async def test_a_process_not_heard_of_for_a_minute_does_not_hold_up_a_migration(database: str) -> None:
    await execute(
        database,
        "INSERT INTO process (process_id, kind, schema_revision, host, seen_at)"
        " VALUES (gen_random_uuid(), 'worker', '0001', 'h', now() - interval '61 s')",
    )
    assert await migration.down(database, BASE)


async def test_the_command_says_where_the_schema_stands(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL", empty_database)

    def ran(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(migrate.app, list(words))
        return result.exit_code, result.output

    async def in_thread(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(ran, *words)

    assert (await in_thread("status"))[0] == 1
    assert await in_thread("up") == (0, "".join(f"applied: {s.id}_{s.name}\n" for s in revision.line()))
    assert await in_thread("up") == (0, "the schema is up to date\n")
    assert await in_thread("status", "--output", "json") == (
        0,
        f'{{"current": "{revision.head()}", "needed": "{revision.head()}", "pending": []}}\n',
    )
    assert (await in_thread("sql", "up"))[1] == migration.script(BASE, revision.head())
    assert (await in_thread("down"))[0] == 0
    assert (await in_thread("status"))[0] == 1


async def test_a_failing_migration_names_the_place_and_leaves_nothing(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = revision.Revision("0001", "broken", "CREATE TABLE a ();\n\nCREATE TABLE b (x nonsense);", "")
    monkeypatch.setattr(migration, "line", lambda: (broken,))
    with pytest.raises(migration.MigrationFailed, match=r"0001_broken.up.sql:3: type \"nonsense\" does not exist"):
        await migration.up(empty_database)
    assert (await migration.status(empty_database))[0] == BASE
    await execute(empty_database, "CREATE TABLE a ()")


async def test_a_process_waits_for_the_schema_it_needs(empty_database: str) -> None:
    conn = await asyncpg.connect(empty_database)
    with pytest.raises(SchemaTooOld, match="run hitl-stream migrate up"):
        await revision.require(conn)
    await migration.up(empty_database)
    assert await revision.require(conn) == revision.head()
    await conn.close()


async def test_a_server_that_is_away_is_unavailable_and_a_wrong_database_is_fatal(postgres: PostgresServer) -> None:
    with pytest.raises(Unavailable):
        await migration.up("postgresql://postgres@127.0.0.1:1/x")
    with pytest.raises(Fatal, match="does not exist"):
        await migration.up(postgres.url("no_such_database"))


@pytest.fixture(scope="module", params=["15", "embedded"])
def other_cluster(
    request: pytest.FixtureRequest, postgres: PostgresServer, embedded_postgres: Postgres
) -> Iterator[Postgres]:
    """A server without our roles: they belong to the whole cluster."""
    server = (PostgresServer() if request.param == "15" else Postgres()).start()
    yield server
    server.stop()


async def test_an_owner_with_createrole_can_migrate_and_take_on_every_role(other_cluster: Postgres) -> None:
    admin = await asyncpg.connect(other_cluster.url())
    await admin.execute("CREATE ROLE migrator LOGIN CREATEROLE PASSWORD 'x'")
    await admin.execute("CREATE DATABASE owned OWNER migrator")
    url = f"postgresql://migrator:x@127.0.0.1:{other_cluster.port}/owned"
    await migration.up(url)
    for role in ROLES:
        database = await Database.open(url, role, size=1, name="test")
        async with database.connection() as conn:
            assert await conn.fetchval("SELECT current_user") == role
        await database.close()
    await migration.down(url, BASE)
    await migration.up(url)

    # A second environment in the same cluster, whose owner may not make roles: a DBA grants them beforehand.
    await admin.execute("CREATE ROLE plain LOGIN PASSWORD 'x'")
    await admin.execute("CREATE DATABASE second OWNER plain")
    second = f"postgresql://plain:x@127.0.0.1:{other_cluster.port}/second"
    with pytest.raises(migration.MigrationFailed, match="role"):
        await migration.up(second)
    await admin.execute(f"GRANT {', '.join(ROLES)} TO plain")
    assert await migration.up(second)
    await admin.close()


FILL = """
INSERT INTO patch (patch_id, apv_id, home, state, approved_by, seq, patch_digest, evidence_digest, policy_version,
                   received_at, changed_at)
VALUES ('p', 'a', 0, 'approved', 'policy', 1, sha256('d'), sha256('e'), 1, now(), now());
INSERT INTO decision (patch_id, seq, round, decision_id, apv_id, decision, reasons, policy_version, patch_digest,
                      evidence_digest, decided_at, valid_until, synthetic)
VALUES ('p', 1, 1, gen_random_uuid(), 'a', 'approved', '[]', 1, sha256('d'), sha256('e'), now(), now() + '1 day', false);
INSERT INTO action (at, action, patch_id, detail) VALUES (now(), 'review_opened', 'p', '{"text": "\\"quoted\\", über"}');
INSERT INTO round_closed (patch_id, round, id, apv_id, state, seq, evidence_digest, policy_version, received_at,
                          synthetic, sampled, closed_at)
VALUES ('p', 1, 7, 'a', 'expired', 1, sha256('e'), 1, now(), false, false, now());
INSERT INTO evidence (patch_id, source, event_id, round, topic, partition, record_offset, payload_sha256, payload,
                      received_at)
VALUES ('p', '/s', 'e', 1, 't', 0, 1, sha256('p'), decode(repeat('00ff', 5000), 'hex'), now());
INSERT INTO outcome (patch_id, source, event_id, topic, partition, record_offset, outcome, observed_at, received_at,
                     unapproved, payload_sha256)
VALUES ('p', '/s', 'o', 't', 0, 2, 'deployed', now(), now(), false, sha256('p'));
INSERT INTO dead_letter (cluster_id, topic, partition, record_offset, headers, error, reason, at)
VALUES ('c', 't', 0, 3, '[]', 'bad_record', 'not JSON', now());
INSERT INTO vote (patch_id, round, evidence_digest, person, groups, at, seq, patch_digest, policy_version, role)
VALUES ('p', 1, sha256('e'), 'ann', '{reviewers}', now(), 1, sha256('d'), 1, 'reviewer');
INSERT INTO look (patch_id, person, version, round, seq, evidence_digest) VALUES ('p', 'ann', 1, 1, 0, sha256('e'));
"""
