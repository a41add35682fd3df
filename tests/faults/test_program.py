"""A program that is killed, frozen or stopped is gone when it should be, and never outlasts whoever started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.faults.program import Program
from tests.harness import wait
from tests.harness.process import lives, wait_ended

ROOT = Path(__file__).parents[2]
STARTER = """
from pathlib import Path
from tests.faults.program import Program
program = Program("sleeper", ["sleep", "300"], {{}}, Path({log!r}))
program.start()
print(program.pid, flush=True)
input()
"""


def test_what_is_killed_can_be_started_again(tmp_path: Path) -> None:
    program = Program("sleeper", ["sleep", "300"], {}, tmp_path / "log")
    program.start()
    first = program.pid
    program.kill()
    assert not psutil.pid_exists(first)
    program.start()
    assert (program.kills, program.deaths) == (1, 0)
    program.stop()
    assert program.codes == [-signal.SIGTERM]


def test_what_ended_by_itself_is_started_again_and_counted(tmp_path: Path) -> None:
    program = Program("brief", ["true"], {}, tmp_path / "log")
    program.start()
    wait.until(lambda: psutil.Process(program.pid).status() == psutil.STATUS_ZOMBIE)
    program.revive()
    assert program.deaths == 1
    program.stop()


def test_a_program_does_not_outlast_whoever_started_it(tmp_path: Path) -> None:
    script = STARTER.format(log=str(tmp_path / "log"))
    starter = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    sleeper = psutil.Process(int(starter.stdout.readline()))
    assert lives(sleeper)
    starter.kill()
    starter.communicate()
    wait_ended([sleeper])
