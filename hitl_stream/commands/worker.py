"""`hitl-stream worker`: consumes, decides by policy, records, publishes. One process per core that it may use."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Annotated

import typer

from hitl_stream import settings
from hitl_stream.contract import topics as contract
from hitl_stream.errors import HitlError
from hitl_stream.observe import log, tracing
from hitl_stream.settings import Settings

GRACE_S = 20.0
PORT_MAX = 65_535
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the container: microseconds of CPU per period, or "max"


def run(
    processes: Annotated[
        int | None,
        typer.Option(help="How many processes; default: one per core, at most one per partition.", min=1, max=64),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(help="A lasting name in the consumer group (static membership): a restart then moves nothing."),
    ] = None,
    grace: Annotated[float, typer.Option(help="Seconds that an orderly end may take.", min=1.0)] = GRACE_S,
    child: Annotated[bool, typer.Option(hidden=True, help="Ends when standard input does.")] = False,
) -> None:
    """Record wargaming results and outcomes, decide by policy, publish decisions.

    Health and metrics are on HITL_METRICS_PORT; with several processes, process i has the i-th port from there.
    """
    chosen = settings.load()
    log.configure(chosen.log_format, "worker")
    topics = contract.load(chosen.topics_file, chosen.environment)
    count = processes or min(cores(), topics["wargaming_results"].partitions)
    if child:
        _end_with_parent()
    elif count > 1:
        sys.exit(_supervise(chosen, count, instance, grace))
    from hitl_stream.store.recording import Recorder
    from hitl_stream.stream import worker

    part = worker.Part(chosen.metrics_port, instance, grace)
    tracing.start(chosen.traces_endpoint, "hitl-worker")
    recorder = partial(Recorder, auto_approve=chosen.auto_approve_enabled, wants_trace=tracing.wanted)
    code = worker.main(chosen, topics, part, recorder)
    tracing.stop()
    sys.stderr.flush()
    os._exit(code)  # a thread that waits for a broker in vain would hold up an ordinary exit


def cores(quota: Path = QUOTA) -> int:
    """How many cores this process may use: those that it may run on, and what its cgroup (v2) leaves it of them."""
    allowed = _allowed()
    try:
        share, period = quota.read_text().split()
        return min(allowed, max(1, -(-int(share) // int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup, or no limit
        return allowed


def _allowed() -> int:
    """How many cores the system lets us run on; macOS does not say, and has all."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _supervise(chosen: Settings, count: int, instance: str | None, grace: float) -> int:
    from hitl_stream.stream import supervisor

    if chosen.metrics_port + count - 1 > PORT_MAX:
        raise HitlError(f"HITL_METRICS_PORT={chosen.metrics_port} leaves no ports for {count} processes")
    ours = [
        sys.executable,
        "-c",
        "from hitl_stream.cli import main; main()",
        "worker",
        "--child",
        "--grace",
        str(grace),
    ]
    commands = [[*ours, *(["--instance", f"{instance}-{i}"] if instance else [])] for i in range(count)]
    environments = [
        dict(settings.child_environment(HITL_METRICS_PORT=str(chosen.metrics_port + i))) for i in range(count)
    ]
    return supervisor.run(commands, environments, grace)


def _end_with_parent() -> None:
    """The parent holds the other end of standard input; when it dies, even by kill -9, so do we."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
