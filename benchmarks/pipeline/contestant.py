"""Who takes part, and how each is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGTERM
from typing import Any

from benchmarks.pipeline import layer
from benchmarks.pipeline.load import Work
from benchmarks.pipeline.peer.place import Place
from benchmarks.pipeline.world import Stage
from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port

ROOT = Path(__file__).parents[2]
WORKER = ("-c", "from hitl_stream.cli import main; main()", "worker")
QUIX_PYTHON = ROOT / ".venv-bench" / "quix" / "bin" / "python"
PORTS_TRIED = 50
NOTHING = Work(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the work. `share` of the events is enough to measure a slow one; `best_batched` peers set the goal;
    `leaves_out` are counts of rows that are not made, `ours` are the product, `traced` with a span for every event."""

    name: str
    label: str
    program: Sequence[str]
    share: float = 1.0
    consumes: bool = True
    best_batched: bool = False
    ours: bool = False
    traced: bool = False
    leaves_out: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)

    @property
    def installed(self) -> bool:
        """Whether it can be run here."""
        return self.python.exists()


def _peer(name: str, label: str, **more: Any) -> Contestant:
    return Contestant(name, label, ("-m", f"benchmarks.pipeline.peer.{name}"), **more)


def _layer(name: str, label: str, without: Sequence[str]) -> Contestant:
    """The product without some of what it does."""
    left_out = ("decision", "decision_reason_bytes", "action") if "audit" in without else ()
    program = ("-m", "benchmarks.pipeline.layer", "worker")
    return Contestant(name, label, program, ours=True, leaves_out=left_out, environ={layer.VARIABLE: ",".join(without)})


def layers(endpoint: str) -> tuple[Contestant, ...]:
    """All layers; the last sends its spans there."""
    *others, last = LAYERS
    return (*others, replace(last, traced=True, environ={**last.environ, "HITL_TRACES_ENDPOINT": endpoint}))


OURS = Contestant("hitl_stream", "hitl-stream worker", WORKER, ours=True)
LAYERS = (
    _layer("bare", "bare: decides and publishes", ("audit", "metrics")),
    _layer("audit", "+ audit", ("metrics",)),
    _layer("metrics", "+ metrics", ()),
    _layer("tracing", "+ tracing, every event", ()),
)
CEILING = Contestant(
    "ceiling", "ceiling: rows and bytes from memory", ("-m", "benchmarks.pipeline.ceiling"), consumes=False
)
FAUST = Contestant(
    "faust_event", "Faust, event by event",
    ("-m", "faust", "-A", "benchmarks.pipeline.peer.faust_event", "worker", "--without-web", "-l", "error"), share=0.1,
)  # fmt: skip
RELAY = Contestant("relay", "relay", ("-m", "benchmarks.pipeline.relay"))
CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        OURS,
        CEILING,
        _peer("getmany", "aiokafka getmany + executemany", best_batched=True),
        _peer("arroyo_copy", "arroyo Reduce + COPY", best_batched=True),
        _peer("faststream_batch", "FastStream batch", best_batched=True),
        _peer("quix_sink", "Quix Streams sink", best_batched=True, python=QUIX_PYTHON),
        FAUST,
    )
}


def start(contestant: Contestant, stage: Stage, processes: int, work: Work = NOTHING) -> list[Child]:
    """Start its processes. The product is one command whatever their number, the others are started so often."""
    if contestant.ours:
        command = [str(contestant.python), *contestant.program, "--processes", str(processes)]
        return [_start(command, stage, "0", {**worker_environment(stage, processes), **contestant.environ})]
    return [_start_peer(contestant, stage, part, processes, work) for part in range(processes)]


def start_one(contestant: Contestant, stage: Stage, part: int) -> Child:
    """Start one process that can be killed alone; the product's have one command each, too."""
    if contestant.ours:
        named = ("--processes", "1", "--instance", f"part-{part}")
        command = [str(contestant.python), *contestant.program, *named]
        return _start(command, stage, str(part), {**worker_environment(stage), **contestant.environ})
    return _start_peer(contestant, stage, part, part + 1, NOTHING)


def _start_peer(contestant: Contestant, stage: Stage, part: int, parts: int, work: Work) -> Child:
    place = Place(
        stage.connection.bootstrap_servers, stage.database_url, stage.group, stage.names, str(stage.folder),
        work.size, work.events, work.warm_up, work.seed, part, parts,
    )  # fmt: skip
    return _start([str(contestant.python), *contestant.program], stage, str(part), place.environment())


def worker_environment(stage: Stage, processes: int = 1) -> dict[str, str]:
    """What the product is told: nothing but where things are."""
    return {
        "HITL_DATABASE_URL": stage.database_url,
        "HITL_KAFKA_BOOTSTRAP_SERVERS": stage.connection.bootstrap_servers,
        "HITL_CONSUMER_GROUP": stage.group,
        "HITL_TOPICS_FILE": str(stage.topics_file),
        "HITL_METRICS_PORT": str(_free_ports(processes)),
    }


def _start(command: Sequence[str], stage: Stage, part: str, environment: Mapping[str, str]) -> Child:
    return Child(
        command,
        log=stage.folder / f"contestant.{part}.log",
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        stop_signal=SIGTERM,
    )


def _free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    import socket

    for _ in range(PORTS_TRIED):
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            continue
        return first
    raise RuntimeError(f"no {count} free ports in a row")
