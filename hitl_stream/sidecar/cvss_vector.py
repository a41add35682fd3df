"""A CVSS vector spelled out: version, base score, and what each metric means. Source: FIRST, CVSS 2.0, 3.0, 3.1 and 4.0."""

from __future__ import annotations

from typing import Any, Final

import cvss
from cvss import constants2, constants3, constants4
from cvss.exceptions import CVSSError

VECTOR_MAX: Final = 512
_SCORE_STEP: Final = 0.05  # scores have one decimal
_PREFIXED: Final = {
    "CVSS:3.0": (cvss.CVSS3, constants3),
    "CVSS:3.1": (cvss.CVSS3, constants3),
    "CVSS:4.0": (cvss.CVSS4, constants4),
}


def read(vector: Any, told_score: Any) -> dict[str, Any] | None:
    """The vector as it is shown; None where there is none. `problem` says what is wrong with it or the score beside it."""
    if not isinstance(vector, str) or not vector:
        return None
    prefix, _, rest = vector.partition("/")
    kind, constants = _PREFIXED.get(prefix, (cvss.CVSS2, constants2))
    try:
        if len(vector) > VECTOR_MAX:
            raise CVSSError(f"longer than {VECTOR_MAX} characters")
        parsed = kind(vector)
    except CVSSError as error:
        return _shown(vector, None, None, None, [], str(error)[:VECTOR_MAX])
    score = float(parsed.scores()[0])
    differs = isinstance(told_score, (int, float)) and abs(told_score - score) > _SCORE_STEP
    version, written = (prefix.removeprefix("CVSS:"), rest) if prefix in _PREFIXED else ("2.0", vector)
    return _shown(
        vector,
        version,
        score,
        parsed.severities()[0].lower(),
        [_metric(constants, *part.split(":")) for part in written.split("/") if part],
        f"the score beside it is {told_score:g}" if differs else None,
    )


def _shown(
    vector: str, version: str | None, score: float | None, severity: str | None, metrics: list[Any], problem: str | None
) -> dict[str, Any]:
    return {
        "vector": vector,
        "version": version,
        "score": score,
        "severity": severity,
        "metrics": metrics,
        "problem": problem,
    }


def _metric(constants: Any, metric: str, value: str) -> dict[str, str]:
    named, meant = constants.METRICS_ABBREVIATIONS[metric], constants.METRICS_VALUE_NAMES[metric][value]
    return {"metric": metric, "name": named, "value": value, "means": meant}
