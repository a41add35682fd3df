"""pgbench's figure for the same statements: what the database alone can do, its message put together in SQL."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from hitl_stream.store import statement
from tests.harness.postgres import DEBIAN
from tests.harness.provider import GROUP

_SQL = Path(__file__).with_name("reject.sql")


def script() -> str:
    """One rejection, as the product's statements say it."""
    group = f"{{{GROUP}}}"
    return _SQL.read_text().format(
        group=group,
        roles=_statement("roles_of_groups", f"'{group}'"),
        version=_statement("patch_standing", ":patch_id"),
        lock=_statement("lock_patch_for_person", ":patch_id"),
    )


def _statement(name: str, given: str) -> str:
    """One of the product's, on one line, without its comments."""
    text = re.sub(r"--[^\n]*\n", "", statement.get(name)).replace("$1", given)
    return " ".join(text.split()).rstrip(";")


async def run(url: str, folder: Path, clients: int, count: int) -> float:
    """Rejections per second. Raises RuntimeError when pgbench fails, or rejected another number."""
    path = folder / "reject.sql"
    path.write_text(script())
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("CREATE SEQUENCE pgbench_next; GRANT ALL ON SEQUENCE pgbench_next TO hitl_sidecar")
        done = subprocess.run(
            [
                str(DEBIAN / "pgbench"), "-n", "-M", "prepared", "-f", str(path), "-c", str(clients), "-j", "1",
                "-t", str(count // clients), _dsn(url),
            ],
            env={"PGOPTIONS": "-c role=hitl_sidecar -c jit=off -c enable_seqscan=off"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
        made = await conn.fetchval("SELECT count(*) FROM decision WHERE decided_by = 'pgbench'")
    finally:
        await conn.close()
    if done.returncode or found is None or made != count // clients * clients:
        raise RuntimeError(f"pgbench made {made} of {count} decisions: {done.stderr[-500:]}")
    return float(found[1])


def _dsn(url: str) -> str:
    return url if urlsplit(url).scheme == "postgresql" else url.replace("postgres://", "postgresql://", 1)
