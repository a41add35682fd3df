"""Events as upstream writes them, and the many ways to put one and the same event into a Kafka record."""

from __future__ import annotations

import hashlib
import json
import random
import re
import uuid
from copy import deepcopy
from typing import Any, NamedTuple

from tests.faults.upstream.corpus import Fix

VOCABULARIES = (  # what each upstream calls passed
    "passed", "success", "PATCH_EFFECTIVE", "Passed", True, "SUCCESS",
)  # fmt: skip
NOT_PASSED = (
    "failed", "failure", "error", "timeout", "inconclusive", "partial", "not_run", "INCONCLUSIVE", "PATCH_INSUFFICIENT", False,
)  # fmt: skip
GOOD_METHODS = ("wargaming", "ab_testing", "wargaming_only", "wargaming_fallback")
# A machine that everybody knows, somebody under another name, somebody under their own, somebody whom nobody knows, nobody.
MACHINE, ANN_AS_AUTHOR, BOB_AS_AUTHOR, UNKNOWN_AUTHOR = "eureka", "ann-dev", "bob", "contractor-7"
AUTHORS = (*([MACHINE] * 16), ANN_AS_AUTHOR, BOB_AS_AUTHOR, UNKNOWN_AUTHOR, None)
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")


class Raw(NamedTuple):
    """What a producer hands to Kafka."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Event(NamedTuple):
    """One CloudEvent before it is encoded."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str
    data: dict[str, Any]
    traceparent: str | None = None

    def changed(self, path: str, value: Any) -> Event:
        """A copy with the member at the dotted path of `data` set to another value (… removes it)."""
        data = deepcopy(self.data)
        *parents, name = path.split(".")
        holder = data
        for parent in parents:
            holder = holder[parent]
        if value is ...:
            holder.pop(name, None)
        else:
            holder[name] = value
        return self._replace(data=data)

    def attributes(self) -> dict[str, str]:
        named = {"id": self.id, "source": self.source, "type": self.type, "subject": self.subject, "time": self.time}
        return {
            "specversion": "1.0",
            **{name: value for name, value in named.items() if value is not None},
            **({"traceparent": self.traceparent} if self.traceparent else {}),
        }


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def binary(event: Event, value: bytes | None = None, key: bytes | None = None) -> Raw:
    """Attributes as ce_ headers; the value is `data`."""
    headers = [(f"ce_{name}", text.encode()) for name, text in event.attributes().items()]
    headers.append(("content-type", b"application/json"))
    return Raw(key or event.data["patch_id"].encode(), compact(event.data) if value is None else value, tuple(headers))


def structured(event: Event, value: bytes | None = None, key: bytes | None = None) -> Raw:
    """The whole event in the value."""
    envelope = {**event.attributes(), "datacontenttype": "application/json", "data": event.data}
    headers = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
    return Raw(key or event.data["patch_id"].encode(), compact(envelope) if value is None else value, headers)


def respelled(event: Event, rng: random.Random) -> Raw:
    """The same content as other bytes: member order, blanks, escapes and spelling of numbers differ."""
    shuffled = _shuffled(event.data, rng)
    text = json.dumps(shuffled, ensure_ascii=True, indent=rng.choice((None, 1, 2)))
    text = re.sub(r'("confidence": )0\.(\d)(\d*)', lambda m: f"{m[1]}{m[2]}.{m[3] or 0}e-1", text)
    text = re.sub(r'("duration_ms": )(\d+)(?=[,\s}])', r"\1\2.0", text)
    if rng.random() < 0.5:
        return binary(event, text.encode())
    envelope = json.dumps({**event.attributes(), "datacontenttype": "application/json"})
    return structured(event, f'{{"data": {text}, {envelope[1:]}'.encode())


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(value[name], rng) for name in names}
    return [_shuffled(item, rng) for item in value] if isinstance(value, list) else value


def approvable(rng: random.Random, number: int, patch_id: str, apv_id: str, fix: Fix) -> Event:
    """A result that the conservative policy approves, if nothing else stands in the way."""
    second = number % 60
    exploits = [
        {
            "exploit_id": f"exploit-{n}", "category": "injection", "phase1_exploit_worked": True,
            "phase2_exploit_worked": False, "error": None, "duration_ms": rng.randint(5, 900),
        }
        for n in range(rng.randint(1, 3))
    ]  # fmt: skip
    severity = rng.choice(("none", "LOW", "Medium", "MODERATE", "high"))
    data = {
        "patch_id": patch_id,
        "apv_id": apv_id,
        "cve_id": fix.cve_id,
        "vulnerability": {
            "severity": severity, "cvss_score": round(rng.uniform(1, 8.9), 1), "cwe_ids": list(fix.cwe_ids),
            "summary": fix.summary, "package": fix.package, "ecosystem": fix.ecosystem, "language": fix.language,
            "detected_at": f"2026-11-20T07:00:{second:02}Z",
        },
        "patch": {
            "diff": fix.diff, "strategy": "code_patch", "risk": rng.choice(("low", "medium", "LOW")),
            "author": rng.choice(AUTHORS), "flagged": False,
        },
        "wargame": {
            "run_id": f"WAR-{number}", "status": rng.choice(VOCABULARIES), "method": rng.choice(GOOD_METHODS),
            "exploits": exploits, "expected_results": 1,
            "executed_at": f"2026-11-20T08:00:{second:02}" + rng.choice(("Z", "", "+01:00", ".250Z")),
        },
        "ml": {
            "prediction": True, "confidence": round(rng.uniform(0.951, 0.999), 3), "model_version": "rf_v1",
            "shap_values": {"lines_added": 0.02, "has_sanitization": round(rng.uniform(0, 0.5), 3)},
        },
    }  # fmt: skip
    trace = f"00-{rng.getrandbits(128) or 1:032x}-{rng.getrandbits(64) or 1:016x}-01" if rng.random() < 0.3 else None
    source = rng.choice(("/wargaming/crisol", "/wargaming/ab", "/wargaming/night-run"))
    subject = patch_id if rng.random() < 0.8 else None
    return Event(
        f"wr-{number:07}", source, "wargaming.result.v1", subject, f"2026-11-20T08:00:{second:02}Z", data, trace
    )


def outcome(number: int, about: Event, kind: str, *, with_decision: bool = True, digest: str | None = None) -> Event:
    """What Eureka says of the patch of a result."""
    patch_id = about.data["patch_id"]
    diff = about.data["patch"].get("diff")
    named = digest or (f"sha256:{hashlib.sha256(diff.encode()).hexdigest()}" if diff is not None else None)
    decision = str(uuid.uuid5(NAMESPACE, compact([patch_id, 1, 1]).decode()))
    data = {
        "patch_id": patch_id, "decision_id": decision if with_decision else None, "patch_digest": named, "outcome": kind,
        "detail": None, "observed_at": f"2026-11-20T09:00:{number % 60:02}Z",
    }  # fmt: skip
    return Event(f"eo-{number:07}", "/eureka", "eureka.outcome.v1", patch_id, data["observed_at"], data)
