"""Checks of automatic approval and its switch: while it is off policy approves nothing, while it is on all that may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeAlias
from unicodedata import category

from tests.faults.judge import oracle
from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation

Window: TypeAlias = tuple[datetime, datetime]
OFF, ON = "auto_approve_disabled", "auto_approve_enabled"
# A batch is dated by its beginning, and may have waited for the switch.
AROUND = timedelta(seconds=30)
FOR_EVER = timedelta(days=36_500)


def check_switch(view: View) -> Iterator[Violation]:
    """Policy approved nothing while automatic approval was certainly off."""
    windows = _asked_for(view.world.journal)
    for row in view.rows["decision"]:
        is_automatic = row["decision"] == "approved" and row["mode"] == "policy"
        at = row["committed_at"]
        if is_automatic and at is not None and _is_within(datetime.fromisoformat(at), windows):
            yield Violation("approved_while_off", f"{row['patch_id']} seq {row['seq']}")


def check_throws(view: View) -> Iterator[Violation]:
    """Each time that the switch was thrown stands in the audit, when it was."""
    entries = _entries(view)
    for start, end in _asked_for(view.world.journal):
        if not any(action == OFF and at <= start for at, action in entries):
            yield Violation("audit_missing", f"{OFF} before {start}")
        if not any(action == ON and at >= end for at, action in entries):
            yield Violation("audit_missing", f"{ON} after {end}")
    thrown = Counter(action for _, action in entries)
    asked = len(_asked_for(view.world.journal))
    if max(thrown[OFF], thrown[ON]) > asked:
        yield Violation("audit_made_up", f"thrown {dict(thrown)}, asked for {asked} times")


def check_withheld(view: View) -> Iterator[Violation]:
    """What the rules approve, alone in its round and of its kind, is approved as soon as it comes."""
    apv_ids = Counter(row["apv_id"] for row in view.rows["patch"])
    off = [(start - AROUND, end + AROUND) for start, end in _off(view)]
    for row in view.rows["patch"]:
        results = view.round_evidence[row["patch_id"], 1]
        became = next((move["state"] for move in view.course[row["patch_id"]]), None)
        if became == "approved" or row["round"] != 1 or len(results) != 1:
            continue
        if apv_ids[row["apv_id"]] > 1 or view.rejected[row["patch_digest"]]:
            continue
        events, came = view.read_evidence(results), datetime.fromisoformat(results[0]["received_at"])
        if not events or _is_within(came, off) or _is_odd(events[0].data):
            continue
        if not oracle.refusals(events, view.policy(row["policy_version"])):
            yield Violation("approval_withheld", f"{row['patch_id']} became {became}: {row['reasons']}")


def _asked_for(journal: Sequence[Row]) -> list[Window]:
    """From the answer that it is off until it was asked to be on."""
    thrown = [line for line in journal if line["what"] in ("auto_approval_off", "auto_approval_asked_for")]
    times = [(line["what"], datetime.fromtimestamp(line["at"]).astimezone()) for line in thrown]
    return [(since, until) for (what, since), (_, until) in pairwise(times) if what == "auto_approval_off"]


def _off(view: View) -> Iterator[Window]:
    """From one entry of the audit that it is off to the next that it is on."""
    since: datetime | None = None
    for at, action in _entries(view):
        if action == OFF:
            since = since or at
        elif since is not None:
            yield since, at
            since = None
    if since is not None:
        yield since, since + FOR_EVER


def _entries(view: View) -> list[tuple[datetime, str]]:
    rows = [row for row in view.rows["audit_entry"] if row["action"] in (OFF, ON)]
    return sorted((datetime.fromisoformat(row["at"]), row["action"]) for row in rows)


def _is_within(at: datetime, windows: Sequence[Window]) -> bool:
    return any(start < at < end for start, end in windows)


def _is_odd(data: Row) -> bool:
    """Whether a diff holds characters that cannot be seen: a person looks at those."""
    return any(category(character) == "Cf" for character in (data.get("patch") or {}).get("diff") or "")


CHECKS = (check_switch, check_throws, check_withheld)
