"""A real OpenID provider on loopback: Keycloak with the realm of realm.json. Usable outside pytest too, with `with`.

Its memory is bounded. What takes long is done once and kept in the cache: fetching and building it, and importing the realm.
A server works on a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Self

import httpx2

from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import Fatal

VERSION = "26.4.0"
SHA256 = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
REALM = "hitl"
REALM_FILE = Path(__file__).parent / "realm.json"
START_TIMEOUT_S = 180.0  # 10 s on an idle machine


class KeycloakServer:
    """One server, on a port of its own. `close` ends it and removes what it wrote."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hitl-keycloak-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self._web = httpx2.Client(base_url=self.url, trust_env=False, timeout=60.0)
        self._child: Child | None = None

    @property
    def issuer(self) -> str:
        """The realm's address, as it stands in its tokens."""
        return f"{self.url}/realms/{REALM}"

    def start(self) -> Self:
        """Start with what the realm file says, and return when it answers. Raises Fatal."""
        home = self.folder / "home"
        _lay_out(home, installation())
        shutil.copytree(_prepared(), home / "data" / "h2")
        options = ["start", "--optimized", "--cache=local", f"--hostname={self.url}", "--http-enabled=true"]
        address = ["--http-host=127.0.0.1", f"--http-port={self.url.rpartition(':')[2]}"]
        log = self.folder / "keycloak.log"
        self._child = Child(
            [*_java(home), *options, *address], log=log, cwd=self.folder, stop_signal=SIGTERM, remove=self.folder
        )
        self._child.wait_until(self._answers, START_TIMEOUT_S)
        return self

    def close(self) -> None:
        """Stop, and remove everything. Doing so twice is harmless."""
        if self._child:
            self._child.stop(timeout_s=30.0)
            self._child = None
        self._web.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client_token(self, client: str) -> str:
        """The access token of a service account."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": f"{client}-password"}
        answer = self._web.post(f"{self.issuer}/protocol/openid-connect/token", data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def end_sessions(self, user: str) -> None:
        """Nothing that this user logged in to lasts: no refresh token of theirs is good for anything any more."""
        headers = {"Authorization": f"Bearer {self.client_token('operator')}"}
        self._web.post(f"/admin/realms/{REALM}/users/{user}/logout", headers=headers).raise_for_status()

    def change_signing_key(self) -> None:
        """Sign with a new key from now on. The old one stays published, for the tokens that it signed."""
        component = {
            "name": "next",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": ["200"], "algorithm": ["RS256"], "keySize": ["2048"]},
        }
        headers = {"Authorization": f"Bearer {self.client_token('operator')}"}
        created = self._web.post(f"/admin/realms/{REALM}/components", json=component, headers=headers)
        created.raise_for_status()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            return self._web.get(f"{self.issuer}/.well-known/openid-configuration").status_code == 200
        except httpx2.TransportError:
            return False


def installation() -> Path:
    """The folder of Keycloak, fetched through Maven and built at first use. Raises Fatal."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hitl-stream"
    folder = cache / f"keycloak-{VERSION}"
    for program in ("java",) if folder.exists() else ("java", "mvn"):
        if shutil.which(program) is None:
            raise Fatal(f"{program} is not installed")
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _keep(_build(_fetch(Path(scratch))), folder)
    return folder


def _fetch(scratch: Path) -> Path:
    """The unpacked distribution. Raises Fatal for any other file than the one that is pinned."""
    command = ["mvn", "-q", "-B", FETCH, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={scratch}"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fatal(f"Maven could not fetch Keycloak: {done.stdout[-2000:]}")
    archive = scratch / f"keycloak-quarkus-dist-{VERSION}.zip"
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise Fatal(f"{archive.name} is not the file whose digest is written down here")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(scratch)
    return scratch / f"keycloak-{VERSION}"


def _build(home: Path) -> Path:
    """What Keycloak prepares once for all starts. Raises Fatal."""
    _run([*_java(home), "build", "--db=dev-file"], "be built")
    return home


def _prepared() -> Path:
    """The folder of a database that holds the realm: most of what a start would do, done once per realm file. Raises Fatal."""
    built = installation()
    folder = built / f"realm-{hashlib.sha256(REALM_FILE.read_bytes()).hexdigest()[:16]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=built) as scratch:
            home = Path(scratch)
            _lay_out(home, built)
            _run([*_java(home), "import", "--optimized", f"--file={REALM_FILE}"], "import the realm")
            _keep(home / "data" / "h2", folder)
    return folder


def _lay_out(home: Path, built: Path) -> None:
    """A Keycloak whose data are its own, and nothing else."""
    (home / "data").mkdir(parents=True)
    for name in ("conf", "lib", "providers", "themes"):
        (home / name).symlink_to(built / name)


def _keep(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:  # another run was faster
        if not folder.exists():
            raise


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fatal(f"Keycloak cannot {what}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _java(home: Path) -> list[str]:
    """What bin/kc.sh would run. Run by itself: the script, when it is stopped, leaves its Java behind."""
    return [
        "java", "-Xms64m", "-Xmx400m", "-XX:MaxMetaspaceSize=256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "util.concurrent", "security")),
        "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
        "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
        "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
        "-Dpicocli.disable.closures=true", f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}",
        "-cp", str(home / "lib" / "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
    ]  # fmt: skip
