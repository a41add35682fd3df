"""What each read costs, asked on a schedule, at any size of the database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from benchmarks.sidecar import fill, load
from benchmarks.sidecar.load import Question
from benchmarks.sidecar.stand import Served, Stand
from hitl_stream.sidecar import cursor
from hitl_stream.store.queue import Sort

RATE, SAMPLES, WARM = 20.0, 200, 20
PENDING: Final = "/hitl/patches/pending"
ONE_MS_MAX, TWO_FILTERS_MS_MAX, GROWTH_MAX = 50.0, 150.0, 2.0

Path = Callable[[random.Random, int], str]


@dataclass(frozen=True, slots=True)
class Read:
    """One kind of question: what it is called, how slow its p99 may be in ms, a path in a database of so many patches.

    `growth_max` is how often its p99 among few patches that among many may be; where that is None, no matter.
    """

    name: str
    limit_ms: float
    path: Path
    growth_max: float | None = GROWTH_MAX


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of one kind of question at one size in one round, and how many of them were refused as unavailable."""

    name: str
    patches: int
    milliseconds: list[float]
    refused: int = 0


def _waiting(chance: random.Random, patches: int) -> str:
    return fill.patch_name(chance.randrange(1, patches // fill.PENDING_OF) * fill.PENDING_OF)


def _of(values: str) -> Path:
    return lambda chance, patches: chance.choice(values.split())


_FILTERS: Final[Mapping[str, Path]] = {
    "severity": _of("low medium high critical"),
    "risk": _of("low medium high"),
    "ecosystem": _of("PyPI npm Go Maven Debian"),
    "cwe_class": _of("sqli xss path_traversal ssrf csrf memory"),
    "reason": _of("confidence"),
    "package": lambda chance, patches: f"package-{chance.randrange(fill.packages(patches))}",
    "cve": lambda chance, patches: f"CVE-2026-{10_000 + chance.randrange(fill.cves(patches))}",
    "confidence_min": _of("0.55 0.7 0.85 0.94"),
    "claimed": _of("nobody me"),
    "q": _of("patch-0000012 package-1 CVE-2026-1000 statement number"),
}
_PAIRS: Final = (
    ("severity", "ecosystem"), ("package", "cwe_class"), ("severity", "confidence_min"), ("ecosystem", "q"), ("cve", "risk"),
)  # fmt: skip


def _filtered(*names: str) -> Path:
    def path(chance: random.Random, patches: int) -> str:
        return f"{PENDING}?" + "&".join(f"{name}={_FILTERS[name](chance, patches)}" for name in names)

    return path


def _any_patch(rest: str) -> Path:
    return lambda chance, patches: f"/hitl/patches/{fill.patch_name(chance.randrange(1, patches + 1))}{rest}"


def _sorted(chance: random.Random, patches: int) -> str:
    return f"{PENDING}?sort={chance.choice([*Sort])}"


def _cursor(chance: random.Random, patches: int) -> str:
    """Behind any priority that there is: the middle of the list as well as its end."""
    place = cursor.encode(Sort.RISK, -float(chance.choice(range(10, 90, 10))), _waiting(chance, patches))
    return f"{PENDING}?cursor={place}"


READS: Final = (
    Read("list, first page", ONE_MS_MAX, lambda chance, patches: PENDING),
    Read("list, any order", ONE_MS_MAX, _sorted),
    Read("list, page behind a cursor", ONE_MS_MAX, _cursor),
    Read("detail", ONE_MS_MAX, lambda chance, patches: f"/hitl/patches/{_waiting(chance, patches)}"),
    Read("detail, any patch", ONE_MS_MAX, _any_patch(""), None),
    Read("gate", ONE_MS_MAX, _any_patch(f"/gate?digest=sha256:{'0' * 64}")),
    Read("summary", ONE_MS_MAX, lambda chance, patches: "/hitl/analytics/summary"),
    Read("audit of a patch", ONE_MS_MAX, lambda chance, patches: f"/hitl/audit?patch_id={_waiting(chance, patches)}"),
    Read("audit, newest", ONE_MS_MAX, lambda chance, patches: "/hitl/audit"),
    Read("facets", TWO_FILTERS_MS_MAX, lambda chance, patches: "/hitl/queue/facets", None),
    *(Read(f"filter {name}", ONE_MS_MAX, _filtered(name)) for name in _FILTERS),
    *(Read(f"filters {' + '.join(pair)}", TWO_FILTERS_MS_MAX, _filtered(*pair), None) for pair in _PAIRS),
)  # fmt: skip


def read(stand: Stand, served: Served, patches: int, rounds: int) -> Iterator[Timed]:
    """Every kind of question, one after the other, and all of that again: what disturbs a round seldom disturbs another."""
    for round_, one in product(range(rounds), READS):
        chance = random.Random(f"{one.name} {round_}")
        questions = [
            Question(
                "GET", one.path(chance, patches), {"Authorization": f"Bearer {stand.tokens[n % len(stand.tokens)]}"}
            )
            for n in range(SAMPLES + WARM)
        ]
        asyncio.run(load.scheduled(served.url, questions[:WARM], RATE)).must_be(200, 503)
        answered = asyncio.run(load.scheduled(served.url, questions[WARM:], RATE)).must_be(200, 503)
        yield Timed(one.name, patches, answered.milliseconds, answered.statuses[503])
