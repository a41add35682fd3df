"""Rows as the bodies that the contract shows.

Hostile text stays as it is: this is JSON, and showing it safely is the part of whoever shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hitl_stream.contract import encode
from hitl_stream.contract.digest import patch_digest_text
from hitl_stream.policy.verdict import RuleOutcome
from hitl_stream.review.explanation import explain
from hitl_stream.sidecar import cvss_vector, result
from hitl_stream.sidecar.result import Payload, Told
from hitl_stream.store.review import Detail, GateAnswer, Look, Row

_CARD_MEMBERS = (
    "patch_id", "round", "apv_id", "cve_id", "summary", "severity", "risk", "package", "ecosystem", "language", "strategy",
)  # fmt: skip
_SAME = ("apv_id", "cve_id", "patch_digest")
_PATCH_MEMBERS = ("strategy", "author", "pr_url", "commit_sha", "flagged", "flag_reason")


def etag(version: int) -> str:
    """A strong entity tag."""
    return f'"{version}"'


def at(moment: datetime | None) -> str | None:
    """A time as all messages spell it."""
    return None if moment is None else encode.timestamp(moment)


def waiting(row: Row) -> dict[str, Any]:
    """One entry of the list of reviews."""
    return {
        **{name: row[name] for name in _CARD_MEMBERS},
        "cwe_ids": row["cwe_ids"] or [],
        "ml_confidence": row["ml_confidence"],
        "ml_prediction": row["ml_prediction"],
        "reasons": [_rule(*reason) for reason in encode.parse_reasons(row["reasons"])],
        "opened_at": at(row["opened_at"]),
        "expires_at": at(row["expires_at"]),
        "claimed_by": row["claimed_by"],
        "approvals": row["approvals"],
        "approvals_required": row["approvals_required"],
        "version": etag(row["version"]),
        "synthetic": row["synthetic"],
        "priority": row["priority"],
        "priority_factors": {name: row[f"{name}_points"] for name in ("severity", "risk", "doubt")},
    }


def detail(found: Detail, look: Look | None) -> dict[str, Any]:
    """One patch with everything a decision needs, for the person who read it and what they saw before."""
    row = found.patch
    told = [result.read(one) for one in found.results.rows]
    payloads = [result.payload(found.artefact), *(one.payload for one in told)]
    vulnerability = _vulnerability(row, payloads)
    return {
        "patch_id": row["patch_id"],
        "round": row["round"],
        "state": row["state"],
        "version": etag(row["version"]),
        "apv_id": row["apv_id"],
        "cve_id": row["cve_id"],
        "vulnerability": vulnerability,
        "cvss": cvss_vector.read(vulnerability.get("cvss_vector"), vulnerability.get("cvss_score")),
        "patch": _patch(row, payloads),
        "results": [result.shown(one) for one in told],
        "results_truncated": found.results.following is not None,
        "verdict": _verdict(found, told),
        "ml_confidence": row["ml_confidence"],
        "ml_prediction": row["ml_prediction"],
        "opened_at": at(row["opened_at"]),
        "expires_at": at(row["expires_at"]),
        "valid_until": at(row["valid_until"]),
        "approvals": row["approvals"],
        "approvals_required": row["approvals_required"],
        "authors": [_author(author) for author in found.authors],
        "own": row["own"],
        "glass_broken_by": row["glass_broken_by"],
        "claimed_by": row["claimed_by"],
        "claimed_until": at(row["claimed_until"]),
        "since_last_look": None if look is None else _look(look),
        "comments": [{**comment, "at": at(comment["at"])} for comment in found.comments],
        "outcomes": [{**outcome, "at": at(outcome["at"])} for outcome in found.outcomes],
        "history": [entry(one) for one in found.history],
        "related": [_related(other) for other in found.related],
        "synthetic": row["synthetic"],
    }


def artefact(patch_id: str, round_: int, row: Row) -> dict[str, Any]:
    """What one round was about; the diff is None where none came, or once its content is gone."""
    told = (result.payload(row["payload"]).get("patch") or {}).get("diff")
    return {"patch_id": patch_id, "round": round_, "patch_digest": patch_digest_text(row["patch_digest"]), "diff": told}


def gate(patch_id: str, digest: bytes | None, answer: GateAnswer) -> dict[str, Any]:
    """The gate's answer."""
    return {
        "patch_id": patch_id,
        "patch_digest": patch_digest_text(digest),
        "deployable": answer.deployable,
        "reason": answer.reason,
        "decision_id": None if answer.decision_id is None else str(answer.decision_id),
        "decided_at": at(answer.decided_at),
        "expires_at": at(answer.expires_at),
        "valid_until": at(answer.valid_until),
    }


def _look(look: Look) -> dict[str, Any]:
    return {"at": at(look.at), "round": look.round, "changed": list(look.changed)}


def _vulnerability(row: Row, payloads: Sequence[Payload]) -> dict[str, Any]:
    return {**result.group(payloads, "vulnerability"), "severity": row["severity"]}


def _patch(row: Row, payloads: Sequence[Payload]) -> dict[str, Any]:
    told = result.group(payloads, "patch")
    flagged = [one for one in payloads if (one.get("patch") or {}).get("flagged")]
    if flagged:  # it sticks, whatever a later result says
        told |= {"flagged": True, "flag_reason": result.group(flagged, "patch").get("flag_reason")}
    return {
        "diff": told.get("diff"),
        "patch_digest": patch_digest_text(row["patch_digest"]),
        "risk": row["risk"],
        **{name: told.get(name) for name in _PATCH_MEMBERS},
    }


def _verdict(found: Detail, told: Sequence[Told]) -> dict[str, Any]:
    """All rules, or only those written down where a payload is past its retention or there are too many to fold."""
    evidence = None if found.results.following is not None else result.evidence(told)
    rules = explain(evidence, found.policy, encode.parse_reasons(found.patch["reasons"]))
    approve = bool(rules) and all(rule.outcome is RuleOutcome.PASSED for rule in rules)
    return {
        "outcome": "approve" if approve else "review",
        "rules": [_rule(rule.rule, rule.outcome, rule.detail, rule.distance) for rule in rules],
        "policy_version": found.patch["policy_version"],
    }


def _rule(rule: str, outcome: str, told: str, distance: float | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"rule": rule, "outcome": outcome, "detail": told}
    if distance is not None:
        shown["distance"] = distance
    return shown


def _author(row: Row) -> dict[str, Any]:
    """Who made it: `kind` person, machine, or unknown, which needs one approval more."""
    kind = "unknown" if not row["known"] else "machine" if row["person"] is None else "person"
    return {"source": row["source"], "author": row["name"], "kind": kind, "person": row["person"]}


def entry(row: Row) -> dict[str, Any]:
    """One entry of the audit, as everybody may read it who may read the patch."""
    return {
        "at": at(row["at"]),
        "actor": row["actor"],
        "role": row["role"],
        "action": row["action"],
        "round": row["round"],
        "seq": row["seq"],
        "patch_digest": patch_digest_text(row["patch_digest"]),
        "evidence_digest": patch_digest_text(row["evidence_digest"]),
        "policy_version": row["policy_version"],
        "justification": row["justification"],
    }


def _related(row: Row) -> dict[str, Any]:
    return {
        "patch_id": row["patch_id"],
        "state": row["state"],
        "patch_digest": patch_digest_text(row["patch_digest"]),
        "at": at(row["at"]),
        "same": [name for name in _SAME if row[f"same_{name}"]],
    }
