"""What a record means, worked out again: slowly, from the contract's text alone, importing nothing of the product.

`read` raises Unusable for what the contract calls a bad record. `refusals` says which of the policy's evidence rules a
set of results does not pass. Where the contract leaves room, neither has an opinion.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, NoReturn

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")
DIFF_BYTES_MAX = 786_432
NESTING_MAX = 100
PASSED_WORDS = {"success", "passed", "patch_effective", "true"}
SEVERITIES = ("none", "low", "medium", "high", "critical")
RISKS = ("low", "medium", "high", "critical")
OUTCOMES = {"deployed", "failed", "rolled_back", "exploited", "superseded"}
INVISIBLE = re.compile("[\u061c\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
FORBIDDEN = re.compile("[\0\ud800-\udfff]")


class Unusable(Exception):
    """The contract calls this a bad record."""


class Event(NamedTuple):
    """One readable event; `payload` are the bytes that the product must store, `data` the JSON value."""

    source: str
    id: str
    patch_id: str
    data: dict[str, Any]
    payload: bytes

    @property
    def identity(self) -> tuple[str, str]:
        return self.source, self.id


def read(topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Event:
    """Decode and validate one input record; `topic` ends in results or outcomes."""
    if value is None or value == b"":
        raise Unusable("no value")
    names = {name.lower(): content or b"" for name, content in headers}
    if "ce_specversion" in names or "ce_id" in names:
        attributes = {n[3:]: _text(c) for n, c in names.items() if n.startswith("ce_")}
        data, payload = parse(value), value
    else:
        envelope = _object(parse(value), "envelope")
        attributes = {n: v for n, v in envelope.items() if n != "data"}
        data = envelope.get("data")
        payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    wanted = "wargaming.result.v1" if topic.endswith("results") else "eureka.outcome.v1"
    _expect(attributes.get("specversion") == "1.0", "specversion")
    _expect(attributes.get("type") == wanted, "type")
    source, event_id = _id(attributes.get("source"), "source"), _id(attributes.get("id"), "id")
    if attributes.get("time") is not None:
        _time(attributes["time"], "time")
    data = _object(data, "data")
    _expect(attributes.get("subject", data.get("patch_id")) == data.get("patch_id"), "subject")
    (_result if topic.endswith("results") else _outcome)(data)
    return Event(source, event_id, data["patch_id"], data, payload)


def parse(raw: bytes) -> Any:
    """Strict JSON: no duplicate members, no NaN, no infinity, no NUL, no lone surrogate, at most 100 levels."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_members, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"not JSON: {error}"[:200]) from error
    _walk(value, 0)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _expect(len(found) == len(pairs), "duplicate members")
    return found


def _refuse(text: str) -> NoReturn:
    raise Unusable(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    _expect(abs(number) < float("inf"), "infinite")
    return number


def _walk(value: Any, depth: int) -> None:
    _expect(depth <= NESTING_MAX, "nested too deeply")
    match value:
        case str():
            _expect(FORBIDDEN.search(value) is None, "NUL or surrogate")
        case list():
            for item in value:
                _walk(item, depth + 1)
        case dict():
            for name, item in value.items():
                _walk(name, depth + 1)
                _walk(item, depth + 1)


def _expect(condition: bool, what: str) -> None:
    if not condition:
        raise Unusable(what)


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable("a header is not UTF-8") from error
    _walk(text, 0)
    return text


def _object(value: Any, what: str) -> dict[str, Any]:
    _expect(isinstance(value, dict), f"{what} is no object")
    return dict(value)


def _id(value: Any, what: str) -> str:
    _expect(isinstance(value, str) and 1 <= len(value) <= 255, what)
    return str(value)


def _time(value: Any, what: str) -> None:
    try:
        datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Unusable(what) from error


def _typed(holder: Mapping[str, Any], name: str, kinds: tuple[type, ...], *, required: bool = False) -> Any:
    value = holder.get(name)
    if value is None:
        _expect(not required, f"{name} is missing")
        return None
    _expect(isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)), f"{name} has a wrong type")
    return value


def _result(data: Mapping[str, Any]) -> None:
    _expect(_id(data.get("patch_id"), "patch_id") not in {".", ".."}, "patch_id")
    _id(data.get("apv_id"), "apv_id")
    if data.get("cve_id") is not None:
        _id(data["cve_id"], "cve_id")
    vulnerability = _typed(data, "vulnerability", (dict,)) or {}
    score = _typed(vulnerability, "cvss_score", (int, float))
    _expect(score is None or 0 <= score <= 10, "cvss_score")
    patch = _typed(data, "patch", (dict,)) or {}
    diff = _typed(patch, "diff", (str,))
    _expect(len((diff or "").encode()) <= DIFF_BYTES_MAX, "diff is too long")
    _typed(patch, "flagged", (bool,))
    wargame = _typed(data, "wargame", (dict,), required=True)
    _id(wargame.get("run_id"), "run_id")
    _typed(wargame, "status", (str, bool), required=True)  # a word nobody knows is not passed, and no bad record
    _id(wargame.get("method"), "method")
    _time(_typed(wargame, "executed_at", (str,), required=True), "executed_at")
    expected = _typed(wargame, "expected_results", (int,))
    _expect(expected is None or expected >= 1, "expected_results")
    for exploit in _typed(wargame, "exploits", (list,), required=True):
        for phase in ("phase1_exploit_worked", "phase2_exploit_worked"):
            _typed(_object(exploit, "exploit"), phase, (bool,), required=True)
    ml = _typed(data, "ml", (dict,))
    if ml is not None:
        _typed(ml, "prediction", (bool,), required=True)
        _expect(0 <= _typed(ml, "confidence", (int, float), required=True) <= 1, "confidence")


def _outcome(data: Mapping[str, Any]) -> None:
    _expect(_id(data.get("patch_id"), "patch_id") not in {".", ".."}, "patch_id")
    _expect(str(_typed(data, "outcome", (str,), required=True)).lower() in OUTCOMES, "outcome")
    _time(_typed(data, "observed_at", (str,), required=True), "observed_at")
    digest = _typed(data, "patch_digest", (str,))
    _expect(digest is None or digest.startswith("sha256:"), "patch_digest")


def canonical(value: Any) -> Any:
    """JSON values made comparable: 1 equals 1.0 but never true, member order does not matter."""
    match value:
        case bool() | None:
            return "literal", value
        case int() | float():
            return "number", value
        case list():
            return "array", tuple(canonical(item) for item in value)
        case dict():
            return "object", tuple((name, canonical(value[name])) for name in sorted(value))
    return "text", value


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def diff_digest(data: Mapping[str, Any]) -> str | None:
    """sha256 (hex) of the diff's UTF-8 bytes, None without one."""
    diff = (data.get("patch") or {}).get("diff")
    return None if diff is None else sha256(diff.encode())


def evidence_digest(lines: Iterable[tuple[str, str, str]]) -> str:
    """sha256 (hex) over the sorted lines `source id sha256(payload)`."""
    return sha256("\n".join(sorted(f"{s} {i} {p}" for s, i, p in lines)).encode())


def message_id(*parts: str | int) -> str:
    """uuid5 of compact JSON: [patch_id, round, seq] of a decision, with a word before them for the other messages."""
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts, ensure_ascii=False, separators=(",", ":"))))


def refusals(events: Sequence[Event], policy: Mapping[str, Any]) -> set[str]:
    """The evidence rules that these results of one round do not all pass (worst wins, missing is worst)."""
    refused = {rule for event in events for rule in _result_refusals(event, policy)}
    expected = [e.data["wargame"].get("expected_results") for e in events]
    runs = len({e.data["wargame"]["run_id"] for e in events})
    known = [n for n in expected if n is not None]
    if not known or runs < max(known):
        refused.add("evidence_complete")
    if len({d for d in map(diff_digest, (e.data for e in events)) if d is not None}) != 1:
        refused.add("diff_present")
    return refused


def objections(events: Sequence[Event]) -> set[str]:
    """What these results say against an approval by a person, whatever that person knew."""
    said: set[str] = set()
    for event in events:
        patch = event.data.get("patch") or {}
        if any(exploit["phase2_exploit_worked"] for exploit in event.data["wargame"]["exploits"]):
            said.add("an exploit works")
        if (event.data.get("ml") or {}).get("prediction") is False:
            said.add("the prediction is false")
        if patch.get("flagged") is True:
            said.add("it is flagged")
    return said


def severity(data: Mapping[str, Any]) -> str:
    """The severity of a result, in our spelling; other words than the five mean unknown."""
    said = (data.get("vulnerability") or {}).get("severity")
    return str(said or "unknown").lower().replace("moderate", "medium")


def risk(data: Mapping[str, Any]) -> str:
    """The risk of a result, in our spelling; other words than the four mean unknown."""
    return str((data.get("patch") or {}).get("risk") or "unknown").lower().replace("moderate", "medium")


def _result_refusals(event: Event, policy: Mapping[str, Any]) -> Iterable[str]:
    data = event.data
    wargame, ml, patch = data["wargame"], data.get("ml") or {}, data.get("patch") or {}
    said_severity, said_risk = severity(data), risk(data)
    if not any(fnmatchcase(event.source, pattern) for pattern in policy["allowed_sources"]):
        yield "source_allowed"
    if INVISIBLE.search(patch.get("diff") or ""):
        yield "plain_text"
    if not _wargame_passed(wargame):
        yield "wargame_passed"
    if ml.get("prediction") is not True:
        yield "prediction"
    if not ml or ml["confidence"] < policy["confidence_min"]:
        yield "confidence"
    if said_severity not in SEVERITIES or SEVERITIES.index(said_severity) > SEVERITIES.index(policy["severity_max"]):
        yield "severity"
    if said_risk not in RISKS or RISKS.index(said_risk) > RISKS.index(policy["risk_max"]):
        yield "risk"
    if patch.get("flagged") is not False:
        yield "not_flagged"


def _wargame_passed(wargame: Mapping[str, Any]) -> bool:
    exploits = wargame["exploits"]
    ran = bool(exploits) and not wargame["method"].lower().endswith(("_error", "_error_fallback"))
    clean = all(
        e["phase1_exploit_worked"] and not e["phase2_exploit_worked"] and e.get("error") is None for e in exploits
    )
    return ran and clean and str(wargame["status"]).lower() in PASSED_WORDS
