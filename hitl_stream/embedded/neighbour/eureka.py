"""Eureka: makes a patch from a CVE, follows the decisions, asks the gate, deploys, and reports what came of it.

It reads the copy that `examples/eureka_consumer.py` keeps, line by line, and notes how far it acted. Acting twice on a line
is harmless: the ids of its reports follow from the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from typing import Any

import orjson

from hitl_stream.broker.publisher import Publisher
from hitl_stream.embedded.neighbour.event import Event, encode
from hitl_stream.embedded.neighbour.oraculo import Cve
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.sample import Sample
from hitl_stream.errors import Refused, Unavailable

SOURCE, TYPE = "/eureka", "eureka.outcome.v1"
POLL_S = 0.1
RETRY_S = 1.0

Tell = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch for a CVE; `content` is the group `patch` of a result."""

    patch_id: str
    cve: Cve
    content: Mapping[str, Any]


def make_patch(cve: Cve, sample: Sample, number: int, stamp: str) -> Patch:
    """The patch that the sample brings."""
    patch_id = f"{sample.patch_id or f'patch-{cve.cve_id}'}-{stamp}" + (f"-{number}" if sample.apv else "")
    content = {"strategy": "code_patch", "author": "eureka", "flagged": False, "flag_reason": None, **sample.patch}
    return Patch(patch_id, cve, {name: value for name, value in content.items() if value is not None})


class Eureka:
    """Acts on a copy of the decisions. `tell` gets (what happened, patch id, more)."""

    def __init__(self, copy: Path, sidecar: Sidecar, publisher: Publisher, topic: str, tell: Tell) -> None:
        self._copy = copy
        self._progress = copy.with_suffix(".done")
        self._sidecar = sidecar
        self._publisher = publisher
        self._topic = topic
        self._tell = tell
        self._deployed: set[str] = set()

    def run(self, stop: Flag) -> None:
        """Act on every decision, old ones that were not acted on first, until `stop` is set."""
        while not stop.is_set():
            for decision, end in self._new_decisions():
                while not self._acted(decision):
                    if stop.wait(RETRY_S):
                        return
                self._progress.write_text(str(end))
            stop.wait(POLL_S)

    def _new_decisions(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Each whole line behind the last one acted on, with the place where it ends."""
        if not self._copy.exists():
            return
        at = int(self._progress.read_text() or 0) if self._progress.exists() else 0
        with self._copy.open("rb") as lines:
            lines.seek(at)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                at += len(line)
                yield orjson.loads(line), at

    def _acted(self, decision: Mapping[str, Any]) -> bool:
        """Act on one decision; false to try again, because the gate or the broker did not answer."""
        try:
            match decision["decision"]:
                case "approved":
                    self._deploy(decision)
                case "revoked" if decision["deployed"] == "yes" or decision["patch_id"] in self._deployed:
                    self._report(decision, "rolled_back")
                    self._deployed.discard(decision["patch_id"])
        except Unavailable:
            return False
        except Refused as refusal:
            self._tell("gate_refused", decision["patch_id"], str(refusal))
        return True

    def _deploy(self, decision: Mapping[str, Any]) -> None:
        """Deploy if, and only if, the gate says yes to exactly this artefact now."""
        said = self._sidecar.gate(decision["patch_id"], decision["patch_digest"])
        if said["deployable"] is True:
            self._report(decision, "deployed")
            self._deployed.add(decision["patch_id"])
        else:
            self._tell("gate_closed", decision["patch_id"], said["reason"])

    def _report(self, decision: Mapping[str, Any], outcome: str) -> None:
        data = {
            "patch_id": decision["patch_id"],
            "decision_id": decision["decision_id"],
            "patch_digest": decision["patch_digest"],
            "outcome": outcome,
            "detail": None,
            "observed_at": decision["decided_at"] if outcome == "rolled_back" else _now(),
        }
        event = Event(f"eo-{decision['decision_id']}-{outcome}", SOURCE, TYPE, decision["patch_id"], data)
        self._publisher.publish(self._topic, [encode(event)])
        self._tell(outcome, decision["patch_id"], "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
