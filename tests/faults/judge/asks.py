"""What people asked for, out of the journal, joined to what is recorded of it by the request id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.judge.snapshot import Row

DECIDING = {"approve": "approved", "reject": "rejected", "revoke": "revoked"}
NOTED = {
    "reopen": ("reopened",), "comment": ("commented",), "claim": ("claimed", "claim_taken_over"), "release": ("released",),
    "takeover": ("claimed", "claim_taken_over"), "approve": ("glass_broken",),
}  # fmt: skip


@dataclass
class Ask:
    """One thing somebody asked for, and every answer to it; `silences` counts tries that nobody answered."""

    number: int
    at: float
    who: str
    op: str
    patch: str
    version: str | None
    body: dict[str, Any]
    answers: list[Row] = field(default_factory=list)
    silences: int = 0
    answered_at: float | None = None

    @property
    def done(self) -> dict[str, Any] | None:
        """The body of the answer that said it is done, None when none did."""
        return next((one["body"] for one in self.answers if 200 <= (one.get("status") or 0) < 300), None)

    @property
    def is_refused(self) -> bool:
        """Whether it was answered for good, with no, and no try is still on its way."""
        final = [one for one in self.answers if one.get("status") not in (None, 429, 503)]
        return bool(final) and self.done is None and not self.silences and len(final) == len(self.answers)


@dataclass(frozen=True)
class Effect:
    """One row that somebody's request left: a vote, a decision or a note. `at` is the moment that it carries."""

    kind: str
    row: Row

    @property
    def who(self) -> str:
        return str(self.row["person"] if self.kind == "vote" else self.row[_ACTOR[self.kind]])

    @property
    def said(self) -> str | None:
        """The words that it carries."""
        said: str | None = self.row["justification" if self.kind == "action" else "comment"]
        return said

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.row["decided_at" if self.kind == "decision" else "at"])

    @property
    def name(self) -> str:
        return f"{self.kind} {self.row['patch_id']} seq {self.row['seq']} by {self.who}, {self.row['request_id']}"

    def belongs_to(self, ask: Ask) -> bool:
        """Whether this is what was asked for, by whoever asked for it."""
        match self.kind:
            case "vote":
                wanted = ask.op == "approve"
            case "decision":
                wanted = self.row["decision"] == DECIDING.get(ask.op)
            case _:
                wanted = self.row["action"] in NOTED.get(ask.op, ())
        return wanted and self.row["patch_id"] == ask.patch and self.who == ask.who


_ACTOR = {"decision": "decided_by", "action": "actor"}


def read(journal: Iterable[Row]) -> dict[int, Ask]:
    """Every ask about a patch but those at the gate, by number."""
    asks: dict[int, Ask] = {}
    for line in journal:
        if line["what"] == "asked" and line["op"] != "gate":
            ask = Ask(line["ask"], line["at"], line["who"], line["op"], line["patch"], line["version"], line["body"])
            asks[ask.number] = ask
        elif line["what"] in ("answered", "unanswered") and (found := asks.get(line["ask"])) is not None:
            if line["what"] == "unanswered":
                found.silences += 1
            else:
                found.answers.append(line)
                found.answered_at = line["at"]
    return asks


def effects(tables: dict[str, list[Row]]) -> Iterator[Effect]:
    """Everything that people did, as it is recorded."""
    yield from (Effect("vote", row) for row in tables["vote"])
    yield from (Effect("decision", row) for row in tables["decision"] if row["mode"] == "human")
    yield from (Effect("action", row) for row in tables["action"] if _is_of_a_person(row))


def _is_of_a_person(row: Row) -> bool:
    return row["actor"] != "policy" and row["patch_id"] is not None and row["request_id"] is not None


def number_of(effect: Effect) -> int | None:
    """Which ask it came from, as its request id says."""
    word, _, number = str(effect.row["request_id"]).partition("-")
    return int(number) if word == "ask" and number.isdigit() else None
