"""Checks of how a patch went: every state it was ever in, in its order, when, and what had been decided of it by then.

The spy keeps every version of a patch (`snapshot.SPY`), so that what was wrong for a moment only is seen too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation

# The server's own clock says both when something was decided and when that was committed.
CLOCK = timedelta(seconds=1)
# Between them lies a transaction; the longest stand still with their server for two minutes.
TRANSACTION_MAX = timedelta(seconds=180)
CLOSED = {"approved", "rejected", "expired", "revoked"}


def check_course(view: View) -> Iterator[Violation]:
    """Versions follow each other, and every state ever is what was decided last; what was rejected or approved stays so."""
    for patch_id, rows in view.course.items():
        decisions = {row["seq"]: row for row in view.decisions[patch_id]}
        version: int | None = None
        for row in rows:
            name = f"{patch_id} version {row['after']}"
            if row["before"] != version:
                yield Violation("version_jumped", f"{name} follows {row['before']}, the one before was {version}")
            version = row["after"]
            last = decisions.get(row["seq"])
            if row["seq"] and last is None:
                yield Violation("seq_gap", f"{name} stands at seq {row['seq']}, which is no decision")
            elif not _agrees(row, last):
                yield Violation("state_wrong", f"{name} is {row['state']}, last was {last and last['decision']}")


def _agrees(row: Row, last: Row | None) -> bool:
    """Whether a state may follow what was decided last."""
    if row["state"] in CLOSED:
        return last is not None and last["decision"] == row["state"]
    if last is None or last["decision"] in ("expired", "revoked"):
        return True
    return bool(last["decision"] == "rejected" and last["round"] < row["round"])


def check_policy_kept_out(view: View) -> Iterator[Violation]:
    """Policy approves nothing that waits for a person, nothing that one has rejected, and no second patch of one apv_id.

    A patch is of every apv_id that one of its results names.
    """
    rejections = [row for row in view.rows["decision"] if row["decision"] == "rejected"]
    stood = list(_standing(view))
    for row in view.rows["decision"]:
        if row["decision"] != "approved" or row["mode"] != "policy":
            continue
        name, at = f"{row['patch_id']} seq {row['seq']}", _time(row["decided_at"])
        before = next((r for r in view.course[row["patch_id"]] if r["seq"] >= row["seq"]), None)
        if before is None or before["was"] == "pending":
            yield Violation("approved_under_review", f"{name} was {before and before['was']}")
        for no in rejections:
            of_it = no["patch_id"] == row["patch_id"] or _are_siblings(view, no, row, at)
            same = no["patch_digest"] is not None and no["patch_digest"] == row["patch_digest"]
            committed = _committed(no)
            if (of_it or same) and committed is not None and committed + CLOCK < at:
                yield Violation("approved_after_rejection", f"{name}: {no['patch_id']} was rejected at {committed}")
        for other, since, until in stood:
            is_sibling = other["patch_id"] != row["patch_id"] and _are_siblings(view, other, row, at)
            if is_sibling and since + CLOCK < at and (until is None or until - CLOCK > at):
                yield Violation("approvals_doubled", f"{name}: {other['patch_id']} stood approved since {since}")


def _are_siblings(view: View, other: Row, row: Row, at: datetime) -> bool:
    """Whether it could be seen at that time that a decision was about an apv_id of another patch; 0.1.0 looked no further
    than at that of the first result."""
    named = {} if view.has_older_release else view.apv_ids.get(other["patch_id"], {})
    return other["apv_id"] == row["apv_id"] or (row["apv_id"] in named and named[row["apv_id"]] + CLOCK < at)


def _standing(view: View) -> Iterator[tuple[Row, datetime, datetime | None]]:
    """Every approval, with when it could be seen and when the next decision was made."""
    for rows in view.decisions.values():
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            since = _committed(row)
            if row["decision"] == "approved" and since is not None:
                yield row, since, None if following is None else _time(following["decided_at"])


def check_times(view: View) -> Iterator[Violation]:
    """Decisions are dated by the server's clock, and no review ends before its time is over."""
    for row in view.rows["decision"]:
        committed, at = _committed(row), _time(row["decided_at"])
        if committed is not None and not -CLOCK <= committed - at <= TRANSACTION_MAX:
            yield Violation(
                "wrongly_dated", f"{row['patch_id']} seq {row['seq']} is dated {at}, came about {committed}"
            )
    hurried = {line["patch"] for line in view.world.journal if line["what"] == "time_passed"}
    for message in view.announced["hitl.pending-review"]:
        data = message.data
        if data["patch_id"] in hurried:
            continue  # somebody set the deadlines of this patch back
        ended = next((row for row in view.decisions[data["patch_id"]] if row["seq"] == data["seq"]), None)
        if ended is None or ended["decision"] != "expired" or ended["round"] != data["round"]:
            continue
        is_replaced = (data["patch_id"], data["round"] + 1) in view.rounds
        committed = _committed(ended)
        if not is_replaced and committed is not None and committed < _time(data["expires_at"]) - CLOCK:
            yield Violation("ended_early", f"{data['patch_id']} seq {data['seq']}: until {data['expires_at']}")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _committed(row: Row) -> datetime | None:
    return None if row["committed_at"] is None else _time(row["committed_at"])


CHECKS = (check_course, check_policy_kept_out, check_times)
