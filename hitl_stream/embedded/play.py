"""The demo itself: the neighbours in threads, the watcher, the children's logs, until somebody stops it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.publisher import Publisher
from hitl_stream.embedded import sample, screen
from hitl_stream.embedded.happening import Happening
from hitl_stream.embedded.neighbour.eureka import Eureka
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.embedded.screen import Screen
from hitl_stream.embedded.stage import Stage
from hitl_stream.embedded.storyteller import Storyteller
from hitl_stream.embedded.watcher import Watcher

__all__ = ["Screen", "Stage", "run", "samples", "where_to_look"]

LOOK_S = 1.0
JOIN_S = 5.0


def samples(patches: Path | None, seed: int) -> Iterator[sample.Sample]:
    """The patches of a file, or our own story and then the trickle."""
    if patches is not None:
        return sample.from_file(patches, seed)
    return chain(sample.story(), sample.trickle(seed))


def run(stage: Stage, shown: Screen, told: Iterator[sample.Sample], rate: float, seed: int, stop: Flag) -> None:
    """Let the neighbours act, each in a thread, and look after the children until somebody stops it."""
    happening = Happening()

    def tell(what: str, patch_id: str, more: str) -> None:
        shown.show(what, patch_id, more)
        happening.note(what, patch_id)

    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    connection = KafkaConnection(stage.bootstrap_servers)
    publisher = Publisher(connection)
    gate, *reviewers = (Sidecar(stage.http_url, name=name) for name in ("eureka-gate", "alice", "bob"))
    wargame = Wargame(publisher, stage.topics.physical("wargaming_results"), stamp, seed)
    eureka = Eureka(stage.copy, gate, publisher, stage.topics.physical("eureka_outcomes"), tell)
    teller = Storyteller(stamp, wargame, reviewers, happening, tell)
    watcher = Watcher(connection, stage.topics, tell)
    work: list[Callable[[], None]] = [
        lambda: watcher.run(stop),
        lambda: eureka.run(stop),
        lambda: shown.say(f"told {teller.run(told, rate, stop)} patches; all goes on until Ctrl-C"),
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


def where_to_look(stage: Stage, seconds: float) -> str:
    """What to try while it runs."""
    here = Path(sys.executable).parent
    kept = f"kept in {stage.folder}" if stage.kept else f"temporary, in {stage.folder}"
    return f"""ready after {seconds:.1f} s ({kept}); Ctrl-C ends it

  the console            {stage.http_url}/    # be alice; ? shows all keys
  by hand, as somebody   token=$({here}/hitl-stream token alice --sidecar {stage.http_url})    # bob, carol, …
  waiting for a person   curl -H "Authorization: Bearer $token" {stage.http_url}/hitl/patches/pending
  one patch              curl -i -H "Authorization: Bearer $token" {stage.http_url}/hitl/patches/PATCH_ID
                         its ETag is the version you decide on
  approve it             curl -X POST -H "Authorization: Bearer $token" -H 'If-Match: "1"' \\
                           {stage.http_url}/hitl/patches/PATCH_ID/approve
  reject it              the same with /reject and -d '{{"reason": "why"}}'
  may it be deployed?    curl -H "Authorization: Bearer $token" '{stage.http_url}/hitl/patches/PATCH_ID/gate?digest=sha256:…'
  metrics                {stage.metrics_url}/metrics
  the record             psql '{stage.database_url}' -c 'TABLE hitl_decisions'
  Eureka's copy          {stage.copy}
  logs                   {stage.folder}/*.log
  other commands         export PATH="{here}:$PATH" HITL_DATABASE_URL='{stage.database_url}' \\
                           HITL_KAFKA_BOOTSTRAP_SERVERS={stage.bootstrap_servers}
                         in another terminal; then hitl-stream send FILE, dead-letters list, policy list, doctor, smoke
"""
