"""Every named statement plans on the real schema under every role that runs it, and the hot ones never read a whole table."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import hitl_stream
from hitl_stream.store import database, statement, writing
from tests.harness import database as databases
from tests.harness.postgres import PostgresServer

STATEMENTS = statement.load()
CASES = [(name, role) for name, found in STATEMENTS.items() for role in found.roles]
ROWS = 20_000

# Tables that grow with the traffic: a hot statement may not read one from end to end.
GROWING = (
    "patch",
    "evidence",
    "event_seen",
    "decision",
    "action",
    "review",
    "round_closed",
    "outcome",
    "outbox",
    "other_apv",
)

PATCHES = [f"p-{number}" for number in (3, 7_000, 19_000)]
APVS = [f"apv-{number}" for number in (3, 7_000, 19_000)]
HOT: dict[str, tuple[Any, ...]] = {
    "move_positions": ("c", ["t"], [0], [0], [1], [1]),
    "seen_events": (["/wargaming/a"] * 3, ["e-1", "e-7000", "e-none"]),
    "lock_patches": (PATCHES,),
    "round_evidence": (PATCHES, [1, 1, 1]),
    "older_digests": (PATCHES,),
    "latest_outcomes": (PATCHES,),
    "standing": (APVS, [bytes(32)]),
    "standing_approvals": (PATCHES,),
    "take_outbox": ([0, 1, 2, 3], 100, [0, 1], [1, 2], [1, 1], 1_000_000),
    "outbox_oldest_age": (1_862_340_480,),
    "known_shards": (),
    "lock_patch_for_person": ("p-7000",),
    "patch_detail": ("p-7000", "ann"),
    "patch_results": ("p-7000", 1, "1970-01-01", "", "", 100, 1_000_000),
    "round_artefact": ("p-7000", 1),
    "patch_history": ("p-7000", 100),
    "patch_related": ("p-7000", ["apv-7000", "xapv-7000"], bytes(32), "CVE-2026-7000"),
    "gate": ("p-7000", bytes(32)),
}


@pytest.mark.parametrize(("name", "role"), CASES, ids=[f"{name}-{role}" for name, role in CASES])
async def test_a_statement_plans_under_its_role(owner: asyncpg.Connection, name: str, role: str) -> None:
    await owner.execute(f"SET LOCAL ROLE {role}")
    prepared = await owner.prepare(STATEMENTS[name].text)
    arguments = ", ".join(["NULL"] * len(prepared.get_parameters()))
    # Rights are looked at when a plan is opened, not when it is made.
    await owner.execute(f"EXPLAIN EXECUTE {prepared.get_name()}{f'({arguments})' if arguments else ''}")


@pytest.mark.parametrize("name", writing.STATEMENTS)
def test_copied_and_inserted_columns_are_the_same(name: str) -> None:
    listed = re.findall(
        r"INSERT INTO (\w+) \((.*?)\)\s+SELECT(.*?)FROM json_populate_recordset\(NULL::(\w+), \$(\d)",
        STATEMENTS[name].text,
        re.DOTALL,
    )
    assert [(table, int(number)) for table, *_, number in listed] == [
        (table, number) for number, table in enumerate(writing.STATEMENTS[name], 1)
    ]
    for table, inserted, selected, read_as, _ in listed:
        assert read_as == table
        for names in (inserted, selected):
            assert tuple(names.replace(",", " ").split()) == writing.COLUMNS[table]


def test_every_statement_is_used_and_says_why() -> None:
    package = Path(hitl_stream.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py"))
    for name, found in STATEMENTS.items():
        assert f'"{name}"' in source, f"nobody uses {name}"
        assert found.text.startswith("-- "), f"{name} does not say what it is for"


def test_sql_stands_in_sql_files_only() -> None:
    package = Path(hitl_stream.__file__).parent
    written = re.compile(r"\b(INSERT INTO|DELETE FROM|UPDATE \w+ SET|SELECT .* FROM)\b")
    migrations = {"migration.py", "revision.py"}  # what runs before any schema is there
    found = [p.name for p in package.rglob("*.py") if p.name not in migrations and written.search(p.read_text())]
    assert found == []


@pytest.fixture(scope="module")
def loaded_database(postgres: PostgresServer) -> Iterator[str]:
    """A database that has seen some traffic."""
    with databases.migrated(postgres) as url:
        databases.run(_load(url))
        yield url


async def _load(url: str) -> None:
    conn = await asyncpg.connect(url)
    await conn.execute(LOAD.format(rows=ROWS))
    await conn.execute("ANALYZE")
    await conn.close()


@pytest.fixture
async def loaded(loaded_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it as the program has one."""
    conn = await asyncpg.connect(loaded_database, server_settings={"jit": "off"})
    yield conn
    await conn.close()


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_reads_no_whole_table(loaded: asyncpg.Connection, name: str, plans: str) -> None:
    await loaded.execute(f"SET plan_cache_mode = {plans}")
    plan = await explain(loaded, name)
    assert not set(re.findall(r"Seq Scan on (\w+)", plan)) & set(GROWING), plan


@pytest.mark.parametrize("name", HOT)
async def test_a_plan_made_while_tables_are_empty_does_not_hurt_when_they_grow(
    owner: asyncpg.Connection, name: str
) -> None:
    for setting, value in {**database.PLANNING, "plan_cache_mode": "force_generic_plan"}.items():
        await owner.execute(f"SET LOCAL {setting} = {value}")
    plan = await explain(owner, name)
    assert not set(re.findall(r"Seq Scan on (\w+)", plan)) & set(GROWING), plan
    assert "Merge Join" not in plan, plan  # it would walk through the whole index


async def explain(conn: asyncpg.Connection, name: str) -> str:
    """The plan of a statement as the program runs it: prepared, under its role."""
    async with conn.transaction():
        await conn.execute(f"SET LOCAL ROLE {STATEMENTS[name].roles[0]}")
        prepared = await conn.prepare(STATEMENTS[name].text)
        arguments = ", ".join(literal(value) for value in HOT[name])
        plan = await conn.fetch(f"EXPLAIN EXECUTE {prepared.get_name()}{f'({arguments})' if arguments else ''}")
    return "\n".join(row[0] for row in plan)


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]"
    return f"'\\x{value.hex()}'::bytea" if isinstance(value, bytes) else repr(value)


LOAD = """
INSERT INTO patch (patch_id, apv_id, home, state, approved_by, seq, patch_digest, evidence_digest, policy_version,
                   received_at, changed_at, opened_at, expires_at)
SELECT 'p-' || n, 'apv-' || n, n % 4, CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'approved' END,
       CASE WHEN n % 3 > 0 THEN 'policy' END, (n % 3 > 0)::int, sha256(n::text::bytea), sha256('e'), 1, now(), now(),
       now(), now() + n * interval '1 s'
  FROM generate_series(1, {rows}) AS n;
INSERT INTO decision (patch_id, seq, round, decision_id, apv_id, decision, reasons, policy_version, patch_digest,
                      evidence_digest, decided_at, valid_until, synthetic)
SELECT patch_id, 1, 1, gen_random_uuid(), apv_id, 'approved', '[]', 1, patch_digest, evidence_digest, now(),
       now() + interval '1 d', false
  FROM patch WHERE state = 'approved';
INSERT INTO decision (patch_id, seq, round, decision_id, apv_id, decision, mode, decided_by, approvers, reasons,
                      policy_version, patch_digest, evidence_digest, decided_at, synthetic)
SELECT 'r-' || n, 1, 1, gen_random_uuid(), 'rapv-' || n, 'rejected', 'human', 'ann', '{{ann}}', '[]', 1,
       sha256(n::text::bytea), sha256('e'), now(), false
  FROM generate_series(1, {rows} / 10) AS n;
INSERT INTO other_apv SELECT 'x' || apv_id, patch_id FROM patch;
INSERT INTO action (at, action, patch_id, round) SELECT now(), 'review_opened', patch_id, 1 FROM patch;
INSERT INTO review (patch_id, round, review_id, opened_at, source)
SELECT patch_id, 1, gen_random_uuid(), now(), '/wargaming/a' FROM patch WHERE state = 'pending';
INSERT INTO evidence (patch_id, source, event_id, round, topic, partition, record_offset, payload_sha256, payload, received_at)
SELECT patch_id, '/wargaming/a', 'e-' || id, 1, 't', 0, id, sha256('p'), '{{}}', now() FROM patch;
INSERT INTO outcome (patch_id, source, event_id, topic, partition, record_offset, outcome, observed_at, received_at,
                     unapproved, payload_sha256)
SELECT patch_id, '/eureka', 'o-' || id, 't', 0, id, 'deployed', now(), now(), false, sha256('p') FROM patch;
INSERT INTO event_seen SELECT '/wargaming/a', 'e-' || n, sha256('d'), now() FROM generate_series(1, {rows}) AS n;
INSERT INTO round_closed (patch_id, round, id, apv_id, state, seq, evidence_digest, policy_version, received_at,
                          synthetic, sampled, closed_at)
SELECT patch_id, 1, id, apv_id, 'expired', 1, evidence_digest, 1, now(), false, false, now() FROM patch;
INSERT INTO outbox_shard (shard) SELECT generate_series(0, 3);
INSERT INTO outbox (shard, messages) SELECT n % 4, '{{t,k,v,h}}' FROM generate_series(1, {rows}) AS n;
INSERT INTO consumer_position (cluster_id, topic, partition, next_offset) SELECT 'c', 't', generate_series(0, 15), 0;
"""
