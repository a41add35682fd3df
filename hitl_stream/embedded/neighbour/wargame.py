"""The wargame: runs exploits before and after a patch, has a model score it, and publishes results as CloudEvents.

Nothing is really attacked: what comes out is what the sample says, the rest is drawn from a seeded generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from hitl_stream.broker.publisher import Outgoing, Publisher
from hitl_stream.embedded.neighbour.eureka import Patch
from hitl_stream.embedded.neighbour.event import Event, encode

TYPE = "wargaming.result.v1"


class Wargame:
    """Publishes to one topic. Event ids are numbered within the run that `stamp` names."""

    def __init__(self, publisher: Publisher, topic: str, stamp: str, seed: int) -> None:
        self._publisher = publisher
        self._topic = topic
        self._stamp = stamp
        self._rng = Random(seed)
        self._published = 0

    def fight(self, patch: Patch, changes: Mapping[str, Any], source: str, *, synthetic: bool = False) -> Event:
        """Publish one result: an untroubled one, changed. None takes a member away."""
        self._published += 1
        data = merge(
            self._untroubled(patch, changes), {**changes, "wargame": _without(changes.get("wargame"), "exploits")}
        )
        data["synthetic"] = synthetic
        event = Event(f"wr-{self._stamp}-{self._published:06}", source, TYPE, patch.patch_id, data)
        self._publish(encode(event, structured=self._published % 3 == 0))
        return event

    def repeat(self, event: Event) -> None:
        """The same event again, in the other encoding."""
        self._publish(encode(event, structured=True))

    def contradict(self, event: Event, changes: Mapping[str, Any]) -> None:
        """The same id with other content."""
        self._publish(encode(event._replace(data=merge(event.data, changes))))

    def publish_raw(self, patch: Patch, value: bytes) -> None:
        """Bytes that are no result."""
        self._publish(Outgoing(patch.patch_id.encode(), value))

    def _publish(self, record: Outgoing) -> None:
        self._publisher.publish(self._topic, [record])

    def _untroubled(self, patch: Patch, changes: Mapping[str, Any]) -> dict[str, Any]:
        rng, cwe = self._rng, (patch.cve.vulnerability.get("cwe_ids") or ["CWE-0"])[0]
        exploits = self._exploits(cwe, (changes.get("wargame") or {}).get("exploits", [{}]))
        confidence = round(rng.uniform(0.952, 0.995), 3)
        return {
            "patch_id": patch.patch_id,
            "apv_id": patch.cve.apv_id,
            "cve_id": patch.cve.cve_id,
            "vulnerability": dict(patch.cve.vulnerability),
            "patch": dict(patch.content),
            "wargame": {
                "run_id": f"WAR-{self._stamp}-{self._published:06}",
                "status": "passed",
                "method": "wargaming",
                "exploits": exploits,
                "expected_results": 1,
                "duration_ms": sum(exploit["duration_ms"] for exploit in exploits),
                "executed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            },
            "ml": {
                "prediction": True,
                "confidence": confidence,
                "probabilities": [round(1 - confidence, 3), confidence],
                "model_version": "rf_v1",
                "shap_values": {
                    "lines_added": round(rng.uniform(-0.05, 0.05), 3),
                    "has_input_validation": round(rng.uniform(0.05, 0.3), 3),
                    "complexity_delta": round(rng.uniform(-0.1, 0.02), 3),
                },
                "shap_base_value": 0.52,
                "execution_time_ms": rng.randrange(20, 120),
            },
            "runtime": {"cache_hit": rng.random() < 0.3, "ab_arm": None, "circuit_open": False, "rate_limited": False},
        }

    def _exploits(self, cwe: str, changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        name = cwe.lower().replace("-", "_")
        return [
            {
                "exploit_id": f"{name}_{number}",
                "category": name,
                "phase1_exploit_worked": True,
                "phase2_exploit_worked": False,
                "error": None,
                "duration_ms": self._rng.randrange(20, 400),
                **change,
            }
            for number, change in enumerate(changes, 1)
        ]


def merge(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The content with members changed, at any depth of objects; None takes one away."""
    merged = dict(content)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = merge(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged


def _without(changes: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    return {key: value for key, value in (changes or {}).items() if key != name}
