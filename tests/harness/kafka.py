"""A real Apache Kafka on loopback: one KRaft node, from Maven's jars. Usable outside pytest, as `with KafkaServer() as …`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Self

from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import Fatal

VERSION = "4.3.0"
POM = Path(__file__).parent / "kafka" / "pom.xml"
START_TIMEOUT_S = 120.0  # 2.5 s on an idle machine
STARTED = "Kafka Server started"

_PROPERTIES = {
    "process.roles": "broker,controller",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": "data",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "8388608",
    # A killed broker may register again only when its old session has ended: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
}


class KafkaServer:
    """One broker. Its folder and ports outlive `stop`, `kill` and `restart`; `close` ends it for good."""

    def __init__(
        self,
        *,
        properties: Mapping[str, str] | None = None,
        heap: str = "384m",
        line: Callable[[int], int] | None = None,
        node: int = 1,
        controllers: Mapping[int, int] | None = None,
    ) -> None:
        """`line` lays a line to a port and says where it begins: clients that come through it are sent back through it.

        `controllers` are the ports of all nodes of a cluster, by node; without it this is the only one.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="hitl-kafka-"))
        self.port = free_port()
        quorum = controllers or {node: free_port()}
        self._heap = heap
        self._properties = {
            **_PROPERTIES,
            "node.id": str(node),
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{port}" for n, port in quorum.items()),
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{quorum[node]}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            **(properties or {}),
        }
        self.line_port = self._add_listener(line) if line else self.port
        self._child: Child | None = None
        self._starts = 0

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The broker's process. Raises Fatal while there is none."""
        if self._child is None:
            raise Fatal("Kafka is not running")
        return self._child.pid

    def start(self) -> Self:
        """Format the storage if there is none, start, and return when the broker serves. Raises Fatal."""
        self.launch()
        self.wait_started()
        return self

    def launch(self) -> None:
        """Begin to start: a cluster's nodes wait for one another. Raises Fatal."""
        java = self._java()
        configuration = self.folder / "server.properties"
        configuration.write_text("".join(f"{name}={value}\n" for name, value in self._properties.items()))
        if not (self.folder / "data").exists():
            cluster_id = "hitl" + "A" * 18
            format_ = [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(configuration)]
            done = subprocess.run(format_, cwd=self.folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Fatal(f"Kafka's storage cannot be formatted: {done.stderr or done.stdout}")
        self._starts += 1
        self._child = Child(
            [*java, "kafka.Kafka", str(configuration)],
            log=self._log,
            cwd=self.folder,
            stop_signal=SIGTERM,
            remove=self.folder,
        )

    def wait_started(self) -> None:
        """Return when the broker serves. Raises Fatal."""
        if self._child:
            self._child.wait_until(
                lambda: STARTED in self._log.read_text(errors="replace") and self._accepts(), START_TIMEOUT_S
            )

    @property
    def _log(self) -> Path:
        return self.folder / f"kafka.{self._starts}.log"

    def stop(self) -> None:
        """An orderly stop. Doing so twice is harmless."""
        if self._child:
            self._child.stop(timeout_s=60.0)
            self._child = None

    def kill(self) -> None:
        """kill -9."""
        if self._child:
            self._child.kill()
            self._child = None

    def restart(self) -> None:
        """Stop and start with the same data and ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add_listener(self, line: Callable[[int], int]) -> int:
        inner = free_port()
        begins = line(inner)
        for name, port in (("listeners", inner), ("advertised.listeners", begins)):
            self._properties[name] += f",LINE://127.0.0.1:{port}"
        self._properties["listener.security.protocol.map"] += ",LINE:PLAINTEXT"
        self._properties["inter.broker.listener.name"] = "PLAINTEXT"
        return begins

    def _java(self) -> list[str]:
        return [
            "java", f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.server=info",
            "-cp", f"{libraries()}/*",
        ]  # fmt: skip

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True


def libraries() -> Path:
    """The folder of Kafka's jars, fetched through Maven at first use. Raises Fatal."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hitl-stream"
    folder = cache / f"kafka-{VERSION}"
    if any(folder.glob("kafka-server-*.jar")):
        return folder
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Fatal(f"{program} is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        fetched = Path(scratch) / "lib"
        command = [
            "mvn", "-q", "-f", str(POM), "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={fetched}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Fatal(f"Maven could not fetch Kafka: {done.stdout[-2000:]}")
        shutil.rmtree(folder, ignore_errors=True)
        fetched.rename(folder)
    return folder
