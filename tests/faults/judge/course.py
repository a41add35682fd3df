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
    stood = _standing(view)
    for row in view.rows["decision"]:
        if row["decision"] != "approved" or row["mode"] != "policy":
            continue
        name, at = f"{row['patch_id']} seq {row['seq']}", _time(row["decided_at"])
        before = next((r for r in view.course[row["patch_id"]] if r["seq"] >= row["seq"]), None)
        if before is None or before["was"] == "pending":
            yield Violation("approved_under_review", f"{name} was {before and before['was']}")
        others = _siblings(view, row, at)
        same = [] if row["patch_digest"] is None else view.rejected[row["patch_digest"]]
        for no in (*same, *(no for patch_id in (row["patch_id"], *others) for no in view.rejections[patch_id])):
            committed = _committed(no)
            if committed is not None and committed + CLOCK < at:
                yield Violation("approved_after_rejection", f"{name}: {no['patch_id']} was rejected at {committed}")
        for patch_id in others:
            for since, until in stood.get(patch_id, ()):
                if since + CLOCK < at and (until is None or until - CLOCK > at):
                    yield Violation("approvals_doubled", f"{name}: {patch_id} stood approved since {since}")


def _siblings(view: View, row: Row, at: datetime) -> set[str]:
    """Other patches of which it could be seen at that time that they are of the apv_id of a decision.

    0.1.0 looked no further than at that of their first result.
    """
    first_only = view.has_older_release
    kin = view.kin.get(row["apv_id"], {}).items()
    seen = {patch_id for patch_id, since in kin if since is None or (not first_only and since + CLOCK < at)}
    return seen - {row["patch_id"]}


def _standing(view: View) -> dict[str, list[tuple[datetime, datetime | None]]]:
    """Of each patch its approvals: when one could be seen, and when the next decision was made."""
    stood: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for patch_id, rows in view.decisions.items():
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            since = _committed(row)
            if row["decision"] == "approved" and since is not None:
                until = None if following is None else _time(following["decided_at"])
                stood.setdefault(patch_id, []).append((since, until))
    return stood


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
