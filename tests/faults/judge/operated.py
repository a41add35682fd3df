"""Checks of automatic approval and its switch: while it is off policy approves nothing, while it is on all that may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from unicodedata import category

from tests.faults.judge import oracle
from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation

OFF, ON = "auto_approve_disabled", "auto_approve_enabled"
# An entry is dated before it is committed, and that before the command has answered.
CLOCK = timedelta(seconds=1)
# Shown as nothing, and letters all the same: fillers of Hangul.
FILLERS = frozenset("\u115f\u1160\u3164\uffa0")


class Throw(NamedTuple):
    """The switch was asked to be off, was off, was asked to be on, and was on, as far as it came."""

    asked_off: datetime
    off: datetime
    asked_on: datetime
    on: datetime


def check_switch(view: View) -> Iterator[Violation]:
    """Policy approved nothing while automatic approval was certainly off."""
    throws = _throws(view.world.journal)
    for row in view.rows["decision"]:
        if row["decision"] != "approved" or row["mode"] != "policy" or row["committed_at"] is None:
            continue
        at = datetime.fromisoformat(row["committed_at"])
        if any(throw.off < at < throw.asked_on for throw in throws):
            yield Violation("approved_while_off", f"{row['patch_id']} seq {row['seq']}")


def check_throws(view: View) -> Iterator[Violation]:
    """The audit holds an entry for each time that the switch was thrown, in order and when it was, and no other."""
    throws = _throws(view.world.journal)
    wanted = [(OFF, throw.asked_off, throw.off) for throw in throws]
    wanted += [(ON, throw.asked_on, throw.on) for throw in throws]
    entries = sorted((row["at"], row["action"]) for row in view.rows["audit_entry"] if row["action"] in (OFF, ON))
    left = [(datetime.fromisoformat(at), action) for at, action in entries]
    for action, since, until in sorted(wanted, key=lambda one: one[1]):
        found = next((e for e in left if e[1] == action and since - CLOCK <= e[0] <= until + CLOCK), None)
        if found is None:
            yield Violation("audit_missing", f"{action} between {since} and {until}")
        else:
            left.remove(found)
    for at, action in left:
        yield Violation("audit_made_up", f"{action} at {at}: nobody threw the switch")


def check_withheld(view: View) -> Iterator[Violation]:
    """What the rules approve, alone in its round and of its kind, is approved as soon as it comes."""
    throws = _throws(view.world.journal)
    for row in view.rows["patch"]:
        results = view.round_evidence[row["patch_id"], 1]
        became = next((move["state"] for move in view.course[row["patch_id"]]), None)
        if became == "approved" or row["round"] != 1 or len(results) != 1:
            continue
        if len(view.kin[row["apv_id"]]) > 1 or view.rejected[row["patch_digest"]]:
            continue
        events, came = view.read_evidence(results), datetime.fromisoformat(results[0]["received_at"])
        if any(throw.asked_off - CLOCK <= came <= throw.on + CLOCK for throw in throws):
            continue
        if not events or _hides_something(events[0].data):
            continue
        if not oracle.refusals(events, view.policy(row["policy_version"])):
            yield Violation("approval_withheld", f"{row['patch_id']} became {became}: {row['reasons']}")


def _throws(journal: Sequence[Row]) -> list[Throw]:
    """From what was written down around each command; one that has no end lasts to the end of the journal."""
    found: list[Throw] = []
    times: list[datetime] = []
    for line in journal:
        if line["what"] == "switch":
            times.append(datetime.fromtimestamp(line["at"]).astimezone())
        if len(times) == len(Throw._fields):
            found.append(Throw(*times))
            times = []
    if times:
        last = datetime.fromtimestamp(journal[-1]["at"]).astimezone()
        found.append(Throw(*times, *[last] * (len(Throw._fields) - len(times))))
    return found


def _hides_something(data: Row) -> bool:
    """Whether a diff holds characters that cannot be seen, of any kind: a person may have to look at those."""
    diff = str((data.get("patch") or {}).get("diff") or "")
    return not diff.isascii() and any(category(c) in ("Cf", "Mn", "Me") or c in FILLERS for c in diff)


CHECKS = (check_switch, check_throws, check_withheld)
