"""The one edge where upstream's words become ours. Words nobody listed are unknown, never harmless.

Five vocabularies of a wargame's status are in use: success|failed|error|timeout, success|failed|inconclusive|error,
success|failure|partial|inconclusive, PATCH_EFFECTIVE|INCONCLUSIVE|PATCH_INSUFFICIENT, and booleans.
"""

from __future__ import annotations

from enum import StrEnum

from hitl_stream.contract.fact import OutcomeKind, Risk, Severity


class Status(StrEnum):
    """What a wargame says of itself, after normalising."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"
    INCONCLUSIVE = "inconclusive"
    UNKNOWN = "unknown"


SEVERITY: dict[str, Severity] = {**{word.value: word for word in Severity}, "moderate": Severity.MEDIUM}
RISK: dict[str, Risk] = {**{word.value: word for word in Risk}, "moderate": Risk.MEDIUM}
OUTCOME: dict[str, OutcomeKind] = {word.value: word for word in OutcomeKind}
STATUS: dict[str, Status] = {
    **{word.value: word for word in Status},
    "success": Status.PASSED,
    "patch_effective": Status.PASSED,
    "failure": Status.FAILED,
    "patch_insufficient": Status.FAILED,
    "partial": Status.INCONCLUSIVE,
}
# Methods by which no exploit counts, whatever the result says.
_NO_PROOF = ("_error", "_error_fallback")


def severity(word: str | None) -> Severity | None:
    """None is unknown."""
    return None if word is None else SEVERITY.get(word) or SEVERITY.get(word.lower())


def risk(word: str | None) -> Risk | None:
    """None is unknown."""
    return None if word is None else RISK.get(word) or RISK.get(word.lower())


def status(word: str | bool) -> Status:
    """What the wargame says of itself; a word nobody listed is unknown."""
    if word is True or word is False:
        return Status.PASSED if word else Status.FAILED
    return STATUS.get(word) or STATUS.get(word.lower(), Status.UNKNOWN)


def outcome(word: str) -> OutcomeKind | None:
    """None: there is no such outcome."""
    return OUTCOME.get(word) or OUTCOME.get(word.lower())


def strategy(word: str | None) -> str | None:
    """Shown to people only, so an unlisted word stays."""
    return None if word is None else word.lower()


def proves(method: str) -> bool:
    """Whether exploits run by this method can show that a patch works."""
    word = method.strip().lower()
    return word != "ml" and not word.endswith(_NO_PROOF)
