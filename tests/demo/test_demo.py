"""The demo as a user starts it: a decision on the screen, and nothing left behind however it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.demo.conftest import ROOT
from tests.harness import wait
from tests.harness.process import wait_ended

READY = re.compile(r"^ready after .* in (\S+?)\);", re.MULTILINE)
DECISION = re.compile(r"^\S+  (approved|pending) +(patch-CVE-\S+)", re.MULTILINE)
START_S = 90.0


class Demo:
    """A running `hitl-stream demo`."""

    def __init__(self, screen: Path, *options: str) -> None:
        self.screen = screen
        with screen.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from hitl_stream.cli import main; main()", "demo", "--rate", "20", *options],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def shown(self) -> str:
        return self.screen.read_text(errors="replace")

    def until(self, pattern: re.Pattern[str], times: int = 1) -> re.Match[str]:
        """Wait until the screen shows something so often; what it shows instead is part of the failure."""

        def found() -> bool:
            assert self.process.poll() is None, "it ended"
            return len(pattern.findall(self.shown)) >= times

        try:
            wait.until(found, START_S)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.shown[-4000:]}") from None
        match = pattern.search(self.shown)
        assert match is not None
        return match

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def running(screen: Path, *options: str) -> Iterator[Demo]:
    demo = Demo(screen, *options)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def check_nothing_left(family: list[psutil.Process], folder: Path) -> None:
    wait_ended(family)
    wait.until(lambda: not folder.exists())


def test_it_shows_decisions_survives_a_kill_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path / "screen") as demo:
        folder = Path(demo.until(READY)[1])
        demo.until(DECISION)
        assert len(demo.family()) >= 5
        (worker,) = [one for one in demo.family() if "worker" in one.cmdline()][:1]
        worker.kill()
        demo.until(re.compile("warning +worker +ended and was started again"))
        demo.until(DECISION, times=len(DECISION.findall(demo.shown)) + 1)
        family = demo.family()
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(60) == 0, demo.shown
        check_nothing_left(family, folder)
        assert "Traceback" not in demo.shown


def test_it_leaves_nothing_behind_even_when_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "screen") as demo:
        folder = Path(demo.until(READY)[1])
        family = demo.family()
        demo.process.kill()
        demo.process.wait()
        check_nothing_left(family, folder)


def test_a_data_folder_keeps_the_decisions(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Not below tmp_path: as root, Postgres runs as another user, who may not enter there.
    folder = tmp_path_factory.getbasetemp().parents[1] / f"hitl-demo-kept-{os.getpid()}"
    try:
        copy, sizes = folder / "eureka.jsonl", [0]
        for number in (signal.SIGINT, signal.SIGTERM):
            with running(tmp_path / "screen", "--data-dir", str(folder)) as demo:
                demo.until(DECISION)
                wait.until(lambda: copy.stat().st_size > sizes[-1], 30)
                demo.process.send_signal(number)
                assert demo.process.wait(60) == 0, demo.shown
            sizes.append(copy.stat().st_size)
        assert (folder / "postgres" / "data" / "PG_VERSION").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_taken_port_is_said_when_it_was_asked_for(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with running(tmp_path / "screen", "--port", str(taken.getsockname()[1])) as demo:
            assert demo.process.wait(30) == 1
            assert "is taken" in demo.shown
