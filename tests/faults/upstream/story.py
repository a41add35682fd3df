"""What happens to one patch upstream, told as records with a time: approvals, rounds, repeats, conflicts, late results.

Times are positions in the run (0 = first record, 1 = last). Records of one story may land in one batch or far apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

from tests.faults.upstream import event as events
from tests.faults.upstream import poison
from tests.faults.upstream.corpus import Fix
from tests.faults.upstream.event import NOT_PASSED, Event, Raw

RESULTS, OUTCOMES = "wargaming.results", "eureka.outcomes"
NUMBERS_PER_PART = 1_000_000
TWO_APVS = "of two apv_ids"
REVIEW_REASONS: tuple[tuple[str, object], ...] = (
    ("ml", ...), ("ml.prediction", False), ("ml.confidence", 0.9499), ("ml.confidence", 0),
    ("vulnerability.severity", "CRITICAL"), ("vulnerability.severity", ...), ("vulnerability.severity", "unknown"),
    ("patch.risk", "high"), ("patch.risk", "Critical"),
    ("patch.risk", ...), ("patch.flagged", True), ("patch.flagged", ...), ("patch.diff", ...), ("wargame.exploits", []),
    ("wargame.expected_results", ...), ("wargame.method", "wargaming_error_fallback"), ("wargame.method", "ab_testing_error"),
    ("vulnerability", ...), ("wargame.status", "failed"), ("patch", ...),
)  # fmt: skip


class Planned(NamedTuple):
    """One record to be produced; `aborted` ones belong to a transaction that never commits."""

    at: float
    topic: str
    partition: int
    raw: Raw
    aborted: bool = False
    label: str = ""


class Author:
    """Writes stories one after the other; everything comes from the seed. Parts of one run are about different patches."""

    def __init__(self, fixes: Sequence[Fix], seed: int, partitions: int, *, part: int = 0) -> None:
        self.rng = random.Random(seed if part == 0 else f"{seed} {part}")
        self.fixes = fixes
        self.partitions = partitions
        self.planned: list[Planned] = []
        self.results = 0
        self._number = part * NUMBERS_PER_PART
        self._big_left = dict.fromkeys(poison.BIG, 2)

    def number(self) -> int:
        self._number += 1
        return self._number

    def result(self, *, patch_id: str | None = None, apv_id: str | None = None, fix: Fix | None = None) -> Event:
        """A fresh approvable result, of a fresh patch unless one is named."""
        number = self.number()
        fix = fix or self.rng.choice(self.fixes)
        named = self.rng.choice((f"patch-{fix.cve_id}-{number}", f"PATCH/{number} of ü", f"{fix.cve_id}-FIX-{number}"))
        return events.approvable(self.rng, number, patch_id or named, apv_id or f"APV-{number}", fix)

    def another(self, event: Event, *, diff: str | None = None) -> Event:
        """One more result of the same patch by another run, about the same diff unless one is given."""
        data = event.data
        fix = self.fixes[0]._replace(cve_id=data["cve_id"], diff=diff or data["patch"]["diff"])
        return self.result(patch_id=data["patch_id"], apv_id=data["apv_id"], fix=fix)

    def encode(self, event: Event) -> Raw:
        return self.rng.choice((events.binary, events.structured))(event)

    def home(self, raw: Raw) -> int:
        return crc32(raw.key or b"") % self.partitions

    def send(
        self,
        at: float,
        raw: Raw,
        label: str,
        *,
        topic: str = RESULTS,
        partition: int | None = None,
        aborted: bool = False,
    ) -> None:
        home = self.home(raw) if partition is None else partition % self.partitions
        self.planned.append(Planned(at, topic, home, raw, aborted, label))
        self.results += topic == RESULTS and not aborted

    def later(self, at: float) -> float:
        """Close behind (the same batch) or far away (another life of the worker)."""
        return at + self.rng.choice((1e-5, 1e-4, 0.01, 0.2)) * self.rng.random()

    def poison_kinds(self, kinds: dict[str, poison.Spoiler]) -> str:
        kind = self.rng.choice(sorted(kinds))
        if kind in poison.BIG:
            if self._big_left[kind] == 0:
                return "not_json"
            self._big_left[kind] -= 1
        return kind


def single(author: Author, at: float) -> None:
    event = author.result()
    author.send(at, author.encode(event), "approvable")
    if author.rng.random() < 0.4:
        kind = author.rng.choice(("deployed", "deployed", "failed", "rolled_back", "exploited", "superseded"))
        report = events.outcome(author.number(), event, kind, with_decision=author.rng.random() < 0.7)
        author.send(author.later(at + 0.02), author.encode(report), "outcome", topic=OUTCOMES)
        if author.rng.random() < 0.1:
            author.send(author.later(at + 0.02), author.encode(report), "outcome repeated", topic=OUTCOMES)


def questionable(author: Author, at: float) -> None:
    event = author.result()
    path, value = author.rng.choice(REVIEW_REASONS)
    event = event.changed(path, value)
    if author.rng.random() < 0.3:
        event = event.changed("wargame.status", author.rng.choice(NOT_PASSED))
    author.send(at, author.encode(event), "for a person")


def working_exploit(author: Author, at: float) -> None:
    event = author.result()
    event.data["wargame"]["exploits"][-1]["phase2_exploit_worked"] = True
    author.send(at, author.encode(event), "passed, exploit works")


def exploit_error(author: Author, at: float) -> None:
    event = author.result()
    event.data["wargame"]["exploits"][0]["error"] = "sandbox died"
    author.send(at, author.encode(event), "exploit with error")


def many_results(author: Author, at: float) -> None:
    """A round of N results in any order: complete, one missing, one too many, one of them bad news."""
    first = author.result()
    wanted = author.rng.randint(2, 4)
    group = [first, *(author.another(first) for _ in range(wanted - 1))]
    group = [event.changed("wargame.expected_results", wanted) for event in group]
    match author.rng.random():
        case chance if chance < 0.15:
            group.pop()
        case chance if chance < 0.3:
            group.append(author.another(first).changed("wargame.expected_results", wanted))
        case chance if chance < 0.4:
            group[-1] = group[-1].changed("ml.prediction", False)
        case chance if chance < 0.45:
            group[-1].data["wargame"]["run_id"] = first.data["wargame"]["run_id"]
        case chance if chance < 0.5:
            group[-1] = group[-1].changed("patch.diff", ...)
    author.rng.shuffle(group)
    for event in group:
        author.send(author.later(at), author.encode(event), "one of N")


def repeated(author: Author, at: float) -> None:
    """The same event again: same bytes, another encoding, another partition."""
    event = author.result()
    raw = author.encode(event)
    home = author.home(raw)
    author.send(at, raw, "repeated")
    for _ in range(author.rng.randint(1, 3)):
        match author.rng.randrange(4):
            case 0:
                author.send(author.later(at), raw, "same bytes")
            case 1:
                author.send(author.later(at), events.respelled(event, author.rng), "other encoding")
            case 2:
                author.send(
                    author.later(at), raw, "same id, other partition", partition=home + author.rng.randint(1, 3)
                )
            case 3:
                moved = event._replace(traceparent=None, time="2026-11-21T00:00:00Z")
                author.send(author.later(at), author.encode(moved), "other envelope")


def conflicting(author: Author, at: float) -> None:
    """The same id with other content, about the same patch or another, at home or on another partition."""
    event = author.result()
    author.send(at, author.encode(event), "conflict, one side")
    match author.rng.randrange(3):
        case 0:
            other = event.changed("ml.confidence", 0.5)
        case 1:
            other = author.result()._replace(id=event.id, source=event.source)
        case _:
            other = event.changed("patch.flagged", 1).changed("patch.flagged", True)
    raw = author.encode(other)
    partition = author.home(raw) + (author.rng.randint(1, 3) if author.rng.random() < 0.3 else 0)
    author.send(author.later(at), raw, "conflict, other side", partition=partition)


def two_partitions(author: Author, at: float) -> None:
    """One patch, results on two partitions at nearly the same time."""
    first = author.result().changed("wargame.expected_results", 2)
    second = author.another(first).changed("wargame.expected_results", 2)
    raw = author.encode(first)
    author.send(at, raw, "patch on two partitions")
    author.send(author.later(at), author.encode(second), "patch on two partitions", partition=author.home(raw) + 1)


def changed_artefact(author: Author, at: float) -> None:
    """A new diff for the patch, then perhaps a late result of the old one, then perhaps a third diff."""
    first = author.result()
    author.send(at, author.encode(first), "first artefact")
    diff = first.data["patch"]["diff"]
    then = author.later(at)
    author.send(then, author.encode(author.another(first, diff=diff + "+# second try\n")), "new artefact")
    if author.rng.random() < 0.5:
        author.send(author.later(then), author.encode(author.another(first)), "late result of the old artefact")
    if author.rng.random() < 0.3:
        author.send(
            author.later(then), author.encode(author.another(first, diff=diff + "+# third try\n")), "new artefact"
        )


def contradicted(author: Author, at: float) -> None:
    """Evidence after the approval: some confirms, some contradicts."""
    first = author.result()
    author.send(at, author.encode(first), "approved first")
    then = at
    for _ in range(author.rng.randint(1, 2)):
        event = author.another(first)
        then = author.later(then)
        if author.rng.random() < 0.6:
            path, value = author.rng.choice(
                (
                    ("ml.prediction", False),
                    ("ml.confidence", 0.3),
                    ("patch.flagged", True),
                    ("wargame.status", "failed"),
                    ("ml", ...),
                )
            )
            author.send(then, author.encode(event.changed(path, value)), "contradicting")
        else:
            author.send(then, author.encode(event), "confirming")


def siblings(author: Author, at: float) -> None:
    """Several patches of one apv_id: at most one may stand approved by policy."""
    first = author.result()
    author.send(at, author.encode(first), "sibling")
    for _ in range(author.rng.randint(1, 2)):
        author.send(author.later(at), author.encode(author.result(apv_id=first.data["apv_id"])), "sibling")


def of_two_apvs(author: Author, at: float) -> None:
    """A later result of a patch names another apv_id; then comes another patch of that one."""
    first, other = author.result(), f"APV-{author.number()}"
    then = author.later(at)
    author.send(at, author.encode(first), TWO_APVS)
    author.send(then, author.encode(author.another(first).changed("apv_id", other)), TWO_APVS)
    author.send(author.later(then), author.encode(author.result(apv_id=other)), TWO_APVS)


def bad(author: Author, at: float) -> None:
    kind = author.poison_kinds(poison.KINDS)
    author.send(at, poison.KINDS[kind](author.result(), author.rng), kind)


def bad_outcome(author: Author, at: float) -> None:
    kind = author.poison_kinds(poison.OUTCOME_KINDS)
    report = events.outcome(author.number(), author.result(), "deployed")
    author.send(at, poison.OUTCOME_KINDS[kind](report, author.rng), f"outcome: {kind}", topic=OUTCOMES)


def unknown_deployment(author: Author, at: float) -> None:
    report = events.outcome(author.number(), author.result(), "deployed", digest="sha256:" + "0" * 64)
    author.send(at, author.encode(report), "deployment of an unknown patch", topic=OUTCOMES)


def aborted(author: Author, at: float) -> None:
    """Never seen; half of them share their id with a result that is."""
    event = author.result()
    author.send(at, author.encode(event), "aborted", aborted=True)
    if author.rng.random() < 0.5:
        author.send(author.later(at), author.encode(event.changed("ml.confidence", 0.96)), "like an aborted one")


STORIES: tuple[tuple[Callable[[Author, float], None], int], ...] = (
    (single, 430), (questionable, 150), (working_exploit, 15), (exploit_error, 10), (many_results, 70), (repeated, 45),
    (conflicting, 25), (two_partitions, 20), (changed_artefact, 30), (contradicted, 40), (siblings, 20), (of_two_apvs, 15),
    (bad, 55), (bad_outcome, 8), (unknown_deployment, 4), (aborted, 8),
)  # fmt: skip
