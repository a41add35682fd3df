"""The parent of several processes: it passes signals on, ends with its children, and its code is theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_stream.stream import supervisor
from tests.harness import wait

OBEYS = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); open(sys.argv[1], 'w'); signal.pause()"
)
REFUSES = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); signal.pause()"
PARENT = """
import os, sys
from hitl_stream.stream import supervisor
supervisor.MARGIN_S = 0.2
commands = [[sys.executable, "-c", program, path] for program, path in zip(sys.argv[2::2], sys.argv[3::2])]
sys.exit(supervisor.run(commands, [dict(os.environ)] * len(commands), float(sys.argv[1])))
"""


@pytest.mark.parametrize(("programs", "code"), [((OBEYS, OBEYS), 0), ((OBEYS, REFUSES), signal.SIGKILL)])
def test_asked_to_end_it_asks_its_children_and_waits_no_longer_than_the_grace_period(
    tmp_path: Path, programs: tuple[str, ...], code: int
) -> None:
    ready = [tmp_path / str(number) for number, _ in enumerate(programs)]
    given = [word for program, path in zip(programs, ready, strict=True) for word in (program, str(path))]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, "0.2", *given])
    wait.until(lambda: all(path.exists() for path in ready))
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(15) == code


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 9), ("sys.exit(0)", 0)])
def test_when_one_child_ends_all_end_and_its_code_is_the_parents(tmp_path: Path, ending: str, code: int) -> None:
    ready = tmp_path / "ready"
    ends = f"import os, sys\nwhile not os.path.exists({str(ready)!r}): pass\n{ending}"
    commands = [[sys.executable, "-c", ends], [sys.executable, "-c", OBEYS, str(ready)]]
    assert supervisor.run(commands, [dict(os.environ)] * 2, 5.0) == code


def test_children_are_told_apart_by_their_environment(tmp_path: Path) -> None:
    """The first ends when the other has written; the other, asked to end, does so in good order."""
    writes = "open(os.environ['WHERE'], 'w').close()"
    places = [tmp_path / "a", tmp_path / "b"]
    first = f"import os\n{writes}\nwhile not os.path.exists({str(places[1])!r}): pass"
    asked = "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
    commands = [[sys.executable, "-c", program] for program in (first, f"{asked}\n{writes}\nsignal.pause()")]
    assert supervisor.run(commands, [{**os.environ, "WHERE": str(place)} for place in places], 5.0) == 0
    assert all(place.exists() for place in places)
