"""What hangs at the end is named before the process is ended by force."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HANGS = """
import asyncio
from hitl_stream.observe import log
from hitl_stream.observe.grace import expire_after

async def inner():
    await asyncio.Event().wait()

async def outer():
    await inner()

async def main():
    expire_after(0.1)
    await asyncio.create_task(outer(), name="claims")

log.configure("json", "worker")
asyncio.run(main())
"""


def test_the_place_of_everything_that_hangs_is_in_the_log(tmp_path: Path) -> None:
    program = tmp_path / "hangs.py"
    program.write_text(HANGS)
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    said = json.loads(line)
    assert (said["event"], said["grace_s"]) == ("grace_period_over", 0.1)
    (claims,) = (place for place in said["waiting"] if place.startswith("claims"))
    assert claims.startswith("claims: outer:10 > inner:7 > Event.wait:")
