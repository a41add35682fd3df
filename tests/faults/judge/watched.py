"""Checks of what was told to those who look: live updates without a gap, and never a yes of the gate that is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation, hexed

# A commit is noted a moment before others see it, and a broken line to a standby that is waited for makes that longer.
VISIBLE_S = 3.0
CLOSING = {"revoke", "reject"}
YES_MAX = timedelta(seconds=60)


class Cursor(NamedTuple):
    """A `pg_snapshot` as text: what it sees is below `end` and not among those under way."""

    begin: int
    end: int
    under_way: frozenset[int]

    @classmethod
    def read(cls, text: str) -> Cursor:
        begin, end, under_way = text.split(":")
        return cls(int(begin), int(end), frozenset(int(xid) for xid in under_way.split(",") if xid))

    def sees(self, xid: int) -> bool:
        return xid < self.begin or (xid < self.end and xid not in self.under_way)


EVERYTHING = Cursor(2**63, 2**63, frozenset())


class Span(NamedTuple):
    """What came between two looks at the database."""

    begin: Cursor
    end: Cursor

    def holds(self, xid: int) -> bool:
        return self.end.sees(xid) and not self.begin.sees(xid)


def check_live(view: View) -> Iterator[Violation]:
    """Every change since it began to listen that a listener asked for is told to it, or that the list changed."""
    wanted: dict[str, dict[str, str]] = {}
    heard: dict[str, list[Row]] = defaultdict(list)
    for line in view.world.journal:
        if line["what"] == "listens":
            wanted[line["who"]] = line["filters"]
        elif line["what"] == "heard":
            heard[line["who"]].append(line)
    for who, filters in wanted.items():
        if not heard[who]:
            yield Violation("live_silent", f"{who} never heard anything")
            continue
        yield from _check_listener(view, who, filters, heard[who])


def _check_listener(view: View, who: str, filters: dict[str, str], heard: list[Row]) -> Iterator[Violation]:
    first = Cursor.read(heard[0]["message"]["cursor"])
    said: dict[tuple[str, str], list[Span]] = defaultdict(list)
    skipped: list[Span] = []
    for line, span in zip(heard, _spans([line["message"]["cursor"] for line in heard]), strict=True):
        message = line["message"]
        if message["type"] != "queue_changed":
            said[message["type"], message["patch_id"]].append(span)
        elif message["count"]:
            skipped.append(span)
    tags = {f"{name}:{value}".lower() for name, value in filters.items()}
    for change in view.rows["change"]:
        xid = int(change["xid"])
        if first.sees(xid) or not (change["tags"] is None or tags <= set(change["tags"])):
            continue
        told = (*said[change["kind"], change["patch_id"]], *skipped)
        if not any(span.holds(xid) for span in told):
            yield Violation("live_gap", f"{who} was not told {change['kind']} of {change['patch_id']}, xid {xid}")


def _spans(cursors: Sequence[str]) -> Iterator[Span]:
    """Where the change that a message tells of can lie: of one look at the database only the last message has its cursor, those
    before it the cursor of the look before. So it is between the other cursors heard around it. Whoever has just caught up may
    hear of an earlier look once more: such a cursor lies behind the one before it, and is no end of anything."""
    distinct = [Cursor.read(cursor) for cursor, _ in groupby(cursors)]
    for number, (_, same) in enumerate(groupby(cursors)):
        here = distinct[number]
        before = (cursor for cursor in reversed(distinct[:number]) if cursor.begin <= here.begin)
        after = (cursor for cursor in distinct[number + 1 :] if cursor.begin >= here.begin)
        span = Span(next(before, here), next(after, EVERYTHING))
        yield from (span for _ in same)


def check_gate(view: View) -> Iterator[Violation]:
    """A yes names an approval of that digest that stood when it was given, and ends in time."""
    asked = {line["ask"]: line for line in view.world.journal if line["what"] == "asked" and line["op"] == "gate"}
    closed = _closed_by_people(view.world.journal)
    for line in view.world.journal:
        question = asked.get(line.get("ask"))
        body = line.get("body")
        if (
            question is None
            or line["what"] != "answered"
            or not isinstance(body, dict)
            or body.get("deployable") is not True
        ):
            continue
        name = f"{question['patch']} at {question['at']:.3f}"
        rows = view.decisions[question["patch"]]
        row = next((row for row in rows if row["decision_id"] == body["decision_id"]), None)
        if line["status"] != 200 or row is None or row["decision"] != "approved":
            yield Violation("gate_wrong", f"{name}: yes without an approval, {body}")
            continue
        if f"sha256:{hexed(row['patch_digest'])}" != question["digest"]:
            yield Violation("gate_wrong", f"{name}: yes to another digest")
        for later in rows[rows.index(row) + 1 :]:
            committed, told = later["committed_at"], closed.get(later["decision_id"])
            over = committed and datetime.fromisoformat(committed).timestamp() < question["at"] - VISIBLE_S
            if over or (told is not None and told < question["at"]):
                yield Violation("gate_wrong", f"{name}: yes although {later['decision']} at {committed}")
        until = datetime.fromisoformat(body["valid_until"])
        if until > datetime.fromtimestamp(line["at"], until.tzinfo) + YES_MAX:
            yield Violation("gate_wrong", f"{name}: a yes until {until}")


def _closed_by_people(journal: list[Row]) -> dict[str, float]:
    """When somebody was answered that their revocation or rejection is done: nothing is open after that."""
    asked = {line["ask"] for line in journal if line["what"] == "asked" and line["op"] in CLOSING}
    return {
        line["body"]["decision_id"]: line["at"]
        for line in journal
        if line["what"] == "answered" and line["ask"] in asked and line.get("status") == 200
    }


CHECKS = (check_live, check_gate)
