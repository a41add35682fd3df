"""`hitl-stream demo`: everything on this machine with one command and one log; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from typing import Annotated

import typer

from hitl_stream.errors import Fatal

HTTP_PORT, METRICS_PORT = 8027, 9027


def run(
    data_dir: Annotated[Path | None, typer.Option(help="Keep the database here between runs.", file_okay=False)] = None,
    patches: Annotated[
        Path | None,
        typer.Option(help="JSON lines with cve_id and diff, instead of our story.", exists=True, dir_okay=False),
    ] = None,
    rate: Annotated[float, typer.Option(help="Patches a second.", min=0.01, max=1000)] = 2.0,
    port: Annotated[
        int | None, typer.Option(help="Port of the sidecar. Default: 8027, or a free one.", min=1, max=65_535)
    ] = None,
    seed: Annotated[int, typer.Option(help="What is drawn for the traffic.")] = 20_261_123,
) -> None:
    """Show it all: embedded Postgres and broker, worker, scheduler, sidecar, the neighbours, and sample traffic."""
    from hitl_stream.embedded import play  # two seconds of imports that no other command needs

    started = time.monotonic()
    shown = play.Screen()
    http_port, metrics_port = _port(HTTP_PORT) if port is None else _wanted(port), _port(METRICS_PORT)
    with stopping() as stop:
        shown.say("hitl-stream demo: starting Postgres, broker, worker, scheduler and sidecar …")
        stage = play.Stage(data_dir, http_port, metrics_port)
        try:
            stage.start(stop)
            if not stop.is_set():
                shown.say(play.where_to_look(stage, time.monotonic() - started))
                play.run(stage, shown, play.samples(patches, seed), rate, seed, stop)
        finally:
            shown.say("hitl-stream demo: stopping …")
            stage.stop()


@contextmanager
def stopping() -> Iterator[Flag]:
    """A flag that Ctrl-C, a closed terminal and SIGTERM set: everything ends in order, and only once."""
    stop = Flag()
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in caught}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(usual: int) -> int:
    """The usual port, or a free one where that is taken."""
    return usual if _bind(usual) is not None else _bind(0) or usual


def _wanted(port: int) -> int:
    if _bind(port) is None:
        raise Fatal(f"port {port} is taken")
    return port


def _bind(port: int) -> int | None:
    """The port that could be had, None if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
