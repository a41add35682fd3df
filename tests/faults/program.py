"""A process of the product, started as its users start it, that can be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

STOP_S = 30.0
# Waits until we are gone, even by kill -9, and then ends the group.
GUARD = 'cat >/dev/null; kill -9 "-$0"'


@dataclass
class Program:
    """`port` serves /readyz, 0 for none. Everything it prints goes to one log file, over all its lives, none of which
    outlasts ours."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    port: int = 0
    kills: int = 0
    deaths: int = 0
    codes: list[int] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _guard: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, or the last one there was; 0 before the first."""
        return self._process.pid if self._process else 0

    def start(self, **changed: str) -> None:
        """`changed` is of the environment, for this life only."""
        with self.log.open("ab") as log:
            # A session of its own: a kill takes the whole group, children included.
            self._process = subprocess.Popen(
                self.arguments,
                env={**os.environ, **self.environment, **changed},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to all of it, at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self.kills += 1
            self._dismiss()

    def freeze(self) -> None:
        """Stand still, as a machine does that is short of everything; `thaw` ends it."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def revive(self) -> bool:
        """What a supervisor does: start again what ended by itself (a Fatal, a watchdog), not what was stopped.

        Returns whether it had.
        """
        if self._process is None or self._guard is None or self._process.poll() is None:
            return False
        self.deaths += 1
        self._dismiss()
        self.start()
        return True

    def said(self, start: int = 0) -> str:
        """What it printed after so many bytes."""
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def last_words(self) -> str:
        """The last line with an error that it printed."""
        lines = [line for line in self.said().splitlines() if '"error"' in line or "[error" in line]
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """SIGTERM, and how it ended is added to `codes`."""
        if self._process is None or self._guard is None:
            return
        self._process.terminate()
        try:
            self.codes.append(self._process.wait(STOP_S))
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.codes.append(self._process.wait())
        finally:
            self._dismiss()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _dismiss(self) -> None:
        """The guard is needed no more; its process id may soon be somebody else's."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.wait()
            if guard.stdin:
                guard.stdin.close()
