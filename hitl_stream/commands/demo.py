"""`hitl-stream demo`: everything on this machine with one command and one log; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Annotated

import typer

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.publisher import Publisher
from hitl_stream.embedded import sample, screen
from hitl_stream.embedded.happening import Happening
from hitl_stream.embedded.neighbour.eureka import Eureka
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.embedded.postgres import free_port
from hitl_stream.embedded.screen import Screen
from hitl_stream.embedded.stage import Stage
from hitl_stream.embedded.storyteller import Storyteller
from hitl_stream.embedded.watcher import Watcher
from hitl_stream.errors import Fatal

HTTP_PORT, METRICS_PORT = 8027, 9027
LOOK_S = 1.0
JOIN_S = 5.0
DECISIONS = frozenset(("approved", "pending", "rejected", "revoked", "expired"))


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
    started = time.monotonic()
    shown = Screen()
    http_port = _port(HTTP_PORT) if port is None else _wanted(port)
    with stopping() as stop:
        shown.say("hitl-stream demo: starting Postgres, broker, worker, scheduler and sidecar …")
        stage = Stage(data_dir, http_port, _port(METRICS_PORT))
        try:
            stage.start(stop)
            if not stop.is_set():
                shown.say(_where_to_look(stage, time.monotonic() - started))
                _play(stage, shown, _samples(patches, seed), rate, seed, stop)
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


def _samples(patches: Path | None, seed: int) -> Iterator[sample.Sample]:
    if patches is not None:
        return sample.from_file(patches, seed)
    return chain(sample.story(), sample.trickle(seed))


def _play(stage: Stage, shown: Screen, samples: Iterator[sample.Sample], rate: float, seed: int, stop: Flag) -> None:
    """Let the neighbours act, each in a thread, and look after the children until somebody stops it."""
    happening = Happening()
    started = time.monotonic()
    first: list[float] = []

    def tell(what: str, patch_id: str, more: str) -> None:
        shown.show(what, patch_id, more)
        happening.note(what, patch_id)
        if what in DECISIONS and not first:
            first.append(time.monotonic() - started)

    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    connection = KafkaConnection(stage.bootstrap_servers)
    publisher, sidecar = Publisher(connection), Sidecar(stage.http_url)
    wargame = Wargame(publisher, stage.topics.physical("wargaming_results"), stamp, seed)
    eureka = Eureka(stage.copy, sidecar, publisher, stage.topics.physical("eureka_outcomes"), tell)
    teller = Storyteller(stamp, wargame, sidecar, happening, tell)
    watcher = Watcher(connection, stage.topics, tell)
    work: list[Callable[[], None]] = [
        lambda: watcher.run(stop),
        lambda: eureka.run(stop),
        lambda: shown.say(f"told {teller.run(samples, rate, stop)} patches; all goes on until Ctrl-C"),
        *(partial(screen.follow, path, name, shown, stop) for name, path in stage.logs().items()),
    ]
    threads = [Thread(target=_guarded(one, stop, shown), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(LOOK_S):
            for name in stage.revive():
                shown.show("warning", name, "ended and was started again")
    finally:
        stop.set()
        for thread in threads:
            thread.join(JOIN_S)


def _guarded(work: Callable[[], None], stop: Flag, shown: Screen) -> Callable[[], None]:
    """Work whose failure ends the demo instead of a silent thread."""

    def run_it() -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the last stop of a thread: said aloud, and everything ends
            shown.show("failed", type(failure).__name__, str(failure))
            stop.set()

    return run_it


def _port(usual: int) -> int:
    return usual if _is_free(usual) else free_port()


def _wanted(port: int) -> int:
    if not _is_free(port):
        raise Fatal(f"port {port} is taken")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _where_to_look(stage: Stage, seconds: float) -> str:
    kept = f"kept in {stage.folder}" if stage.kept else f"temporary, in {stage.folder}"
    return f"""ready after {seconds:.1f} s ({kept}); Ctrl-C ends it

  waiting for a person   {stage.http_url}/hitl/patches/pending
  one patch              curl {stage.http_url}/hitl/patches/PATCH_ID          its ETag is the version you decide on
  approve it             curl -X POST -H 'If-Match: "1"' {stage.http_url}/hitl/patches/PATCH_ID/approve
  reject it              curl -X POST -H 'If-Match: "1"' -d '{{"reason": "why"}}' {stage.http_url}/hitl/patches/PATCH_ID/reject
  may it be deployed?    curl '{stage.http_url}/hitl/patches/PATCH_ID/gate?digest=sha256:…'
  metrics                {stage.metrics_url}/metrics
  the record             psql '{stage.database_url}' -c 'TABLE hitl_decisions'
  Eureka's copy          {stage.copy}
  logs                   {stage.folder}/*.log
  send your own          HITL_KAFKA_BOOTSTRAP_SERVERS={stage.bootstrap_servers} hitl-stream send FILE
"""
