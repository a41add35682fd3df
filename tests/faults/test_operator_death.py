"""An operator's command that dies before or after any of its statements did everything or nothing, and can be typed again."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hitl_stream.broker import admin
from tests.faults.nemesis import failpoint
from tests.faults.stage import COMMAND
from tests.harness import database as databases
from tests.harness.availability import scaled
from tests.harness.postgres import PostgresServer
from tests.stream import rig as rigs

WHY = ("--reason", "it was agreed", "--by", "ann")
# The first ones are those that take something away; a small run has only these.
COMMANDS: Mapping[str, Sequence[str]] = {
    "off": ("policy", "auto-approve", "off", *WHY),
    "take a role": ("access", "revoke", "team-y", "reviewer", *WHY),
    "replay": ("dead-letters", "replay", "1", *WHY),
    "give a role": ("access", "grant", "team-x", "reviewer", *WHY),
    "name an author": ("access", "map", "/wargaming/*", "ann-dev", "--person", "ann", *WHY),
    "require two": ("access", "require", "low", "2", *WHY),
    "forget a name": ("access", "forget", "ann"),
    "propose": ("policy", "propose", "-", "--note", "the same", "--by", "ann"),
    "activate": ("policy", "activate", "2", *WHY),
    "adopt": ("positions", "adopt", "wargaming_results", *WHY),
    "discard": ("dead-letters", "discard", "1", *WHY),
}
# How far around the COMMIT that makes it so; at full size everywhere.
NEAR = scaled(1, 1_000)
PREPARED = """
INSERT INTO access_group_role (group_name, role, granted_by) VALUES ('team-y', 'reviewer', 'bob');
INSERT INTO person (subject, name, alike) VALUES ('ann', 'Ann', 'ann');
INSERT INTO consumer_position (cluster_id, topic, partition, next_offset, topic_id)
VALUES ('{cluster}', '{topic}', 0, 7, 'gone');
INSERT INTO dead_letter (cluster_id, topic, partition, record_offset, record_value, headers, error, reason, at)
VALUES ('{cluster}', '{topic}', 0, 3, 'x', '[]', 'bad_record', 'not JSON', now());
INSERT INTO policy_document (version, document, proposed_by, note)
SELECT 2, document, 'bob', 'before' FROM policy_document WHERE version = 1;
"""
# Times, numbers given out by sequences and transaction ids differ from one run to the next.
COLUMNS = """
SELECT table_name::text, array_agg(quote_ident(column_name::text) ORDER BY ordinal_position) FROM information_schema.columns
 WHERE table_schema = 'public' AND data_type NOT IN ('timestamp with time zone', 'xid8') AND is_identity = 'NO'
   AND table_name IN (SELECT relname::text FROM pg_class WHERE relkind = 'r') GROUP BY 1"""


@dataclass(frozen=True)
class Desk:
    """Where an operator types; everything that is typed at `url` is typed at a copy of what was prepared."""

    server: PostgresServer
    prepared: str
    environment: Mapping[str, str]
    document: str

    def type_(self, url: str, words: Sequence[str], **said: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **said, "HITL_DATABASE_URL": url}
        return subprocess.run(
            [COMMAND, *words], env=environment, input=self.document, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def desk(postgres: PostgresServer, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with databases.migrated(postgres) as url:
        with rigs.standing(kafka, url, tmp_path_factory.mktemp("desk")) as rig:
            rig.create_topics()
            cluster = admin.cluster_id(rig.connection)
            rig.execute(PREPARED.format(cluster=cluster, topic=rig.results))
            document = rig.fetch("SELECT document::text FROM policy_document WHERE version = 1")[0][0]
            proposed = {name: value for name, value in json.loads(document).items() if name != "version"}
            yield Desk(postgres, url.rsplit("/", 1)[1], rig.environment(), json.dumps(proposed))


def everything(url: str) -> dict[str, list[Any]]:
    """Every row of every table, without what differs from one run to the next."""

    async def read() -> dict[str, list[Any]]:
        conn = await asyncpg.connect(url)
        try:
            return {
                table: sorted(repr(tuple(row)) for row in await conn.fetch(f"SELECT {', '.join(columns)} FROM {table}"))
                for table, columns in await conn.fetch(COLUMNS)
            }
        finally:
            await conn.close()

    return databases.run(read())


def done_at(points: Sequence[str]) -> int:
    """The first point that is only reached when it is so: behind the COMMIT, or the only statement where there is none."""
    ends = [number for number, point in enumerate(points) if point.startswith("after COMMIT")]
    return ends[0] if ends else next(number for number, point in enumerate(points) if point.startswith("after"))


@pytest.mark.parametrize("name", list(COMMANDS)[: scaled(3, len(COMMANDS))])
def test_a_command_that_dies_anywhere_did_everything_or_nothing(desk: Desk, name: str, tmp_path: Path) -> None:
    words = COMMANDS[name]
    seen = tmp_path / "points"
    with databases.fresh(desk.server, desk.prepared) as url:
        before = everything(url)
        whole = desk.type_(url, words, **failpoint.seen(seen))
        assert whole.returncode == 0, whole.stderr
        after = everything(url)
    assert after != before
    points = seen.read_text().splitlines()
    done = done_at(points)
    for number in range(max(0, done - NEAR), min(len(points), done + NEAR)):
        with databases.fresh(desk.server, desk.prepared) as url:
            died = desk.type_(url, words, PYTHONPATH=str(failpoint.FOLDER), HITL_FAILPOINT=points[number])
            assert died.returncode == -signal.SIGKILL, (points[number], died.stderr)
            assert everything(url) == (after if number >= done else before), points[number]
            again = desk.type_(url, words)
            if number < done:
                assert again.returncode == 0, (points[number], again.stderr)
                assert everything(url) == after, points[number]
            else:  # done twice, or told that there is nothing to do
                assert again.returncode == 0 or everything(url) == after, (points[number], again.stderr)
