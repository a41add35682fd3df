"""Sample traffic: the demo's own story (`sample.yaml`), an endless trickle made of it, and patches from a file.

Everything that is drawn comes from a seeded generator, so that the same seed gives the same traffic. Wargaming results and
scores are invented here; a patch from a file is real, what is said of it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

import orjson
import yaml

from hitl_stream.errors import Fatal

SOURCE = "/wargaming/crisol"
FIRST_CVE = 91_000

_HUNK = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)", re.MULTILINE)
_COPIED = (
    "cvss_score",
    "cvss_vector",
    "cwe_ids",
    "summary",
    "description",
    "references",
    "package",
    "ecosystem",
    "language",
)

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One vulnerability, its patch, and what happens step by step (see sample.yaml)."""

    name: str
    cve: str
    vulnerability: Mapping[str, Any]
    patch: Mapping[str, Any]
    steps: Sequence[Step] = ({"result": {}},)
    shows: str = ""
    ends: str | None = None
    reasons: Sequence[str] = ()
    apv: str | None = None
    patch_id: str | None = None
    source: str = SOURCE


def story() -> tuple[Sample, ...]:
    """The demo's own samples, in the order they are told."""
    text = resources.files("hitl_stream.embedded").joinpath("sample.yaml").read_text(encoding="utf-8")
    return tuple(Sample(**entry) for entry in yaml.safe_load(text))


# How often what happens in the trickle: weight, changes of the vulnerability, of the patch, and the results.
_TROUBLE: tuple[tuple[int, Step, Step, Sequence[Step]], ...] = (
    (60, {}, {}, [{}]),
    (8, {}, {}, [{"wargame": {"expected_results": 2}}, {"wargame": {"expected_results": 2}}]),
    (8, {}, {}, [{"ml": {"confidence": (0.6, 0.949)}}]),
    (4, {}, {}, [{"ml": {"prediction": False}}]),
    (5, {"severity": "critical"}, {}, [{}]),
    (4, {}, {"risk": "high"}, [{}]),
    (3, {}, {"flagged": True, "flag_reason": "drawn for a second look"}, [{}]),
    (4, {}, {}, [{"wargame": {"status": "failed", "exploits": [{"phase2_exploit_worked": True}]}}]),
    (2, {}, {}, [{"wargame": {"status": "error", "method": "wargaming_error_fallback", "exploits": []}}]),
    (2, {"severity": None}, {}, [{"ml": None}]),
)


# Samples that are there for their text, or for no patch at all.
_ODD = frozenset({"bidi", "hostile_text", "bad_number", "opaque_id"})


def trickle(seed: int) -> Iterator[Sample]:
    """Samples without end: a patch of the story at another place, with other luck."""
    rng = Random(seed)
    originals = [sample for sample in story() if "diff" in sample.patch and sample.name not in _ODD]
    number = FIRST_CVE
    while True:
        original = rng.choice(originals)
        vulnerability = {**original.vulnerability, "severity": rng.choice(("low", "medium", "medium", "high"))}
        patch = {**original.patch, "flagged": False, "risk": rng.choice(("low", "low", "medium"))}
        patch["diff"] = _move_hunks(original.patch["diff"], rng.randrange(1, 900))
        made = replace(original, name="", cve=f"CVE-2026-{number}", vulnerability=vulnerability, patch=patch, shows="")
        yield _befall(made, rng)
        number += 1


def from_file(path: Path, seed: int) -> Iterator[Sample]:
    """The patches of a file, once each: JSON lines with at least `cve_id` and `diff`. Raises Fatal, naming the line."""
    rng = Random(seed)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _befall(_read(line, f"{path}:{number}", rng), rng)


def _read(line: bytes, place: str, rng: Random) -> Sample:
    try:
        entry = orjson.loads(line)
        cve, diff = entry["cve_id"], entry["diff"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Fatal(f"{place}: a JSON object with cve_id and diff is expected ({error})") from error
    vulnerability = {name: entry.get(name) for name in _COPIED} | {"severity": entry.get("severity")}
    patch = {"diff": diff, "risk": rng.choice(("low", "low", "medium")), "commit_sha": entry.get("commit")}
    return Sample("", cve, vulnerability, patch)


def _befall(sample: Sample, rng: Random) -> Sample:
    """Let something happen to a sample that is fine so far."""
    _, vulnerability, patch, results = rng.choices(_TROUBLE, [row[0] for row in _TROUBLE])[0]
    return replace(
        sample,
        vulnerability={**sample.vulnerability, **vulnerability},
        patch={**sample.patch, **patch},
        steps=[{"result": _draw(result, rng)} for result in results],
        ends=None,
        reasons=(),
        apv=None,
        patch_id=None,
        source=SOURCE,
    )


def _draw(result: Step, rng: Random) -> Step:
    """Replace a range by a number from it."""
    drawn: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            drawn[name] = _draw(value, rng)
        else:
            drawn[name] = round(rng.uniform(*value), 3) if isinstance(value, tuple) else value
    return drawn


def _move_hunks(diff: str, lines: int) -> str:
    def move(hunk: re.Match[str]) -> str:
        return f"@@ -{int(hunk[1]) + lines}{hunk[2] or ''} +{int(hunk[3]) + lines}"

    return _HUNK.sub(move, diff)
