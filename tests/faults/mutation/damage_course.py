"""Ways to spoil how a patch went through its states: each finds its own victim in the world, LookupError if there is none."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from datetime import datetime, timedelta

from tests.faults.judge import oracle
from tests.faults.judge.snapshot import Record, Row, World
from tests.faults.judge.view import View, place_of
from tests.faults.mutation.damage import first
from tests.faults.mutation.damage_people import by_people


def by_policy(row: Row) -> bool:
    """An approval by policy."""
    return (row["decision"], row["mode"]) == ("approved", "policy")


def skip_version(world: World) -> None:
    """A change of a patch that left no trace."""
    rows = world.tables["spy_patch"]
    times = Counter(row["patch_id"] for row in rows)
    rows.remove(first(rows, lambda row: row["before"] is None and times[row["patch_id"]] > 1))


def approve_under_review(world: World) -> None:
    """Policy approved what waited for a person."""
    decision = first(world.tables["decision"], by_policy)
    at = (decision["patch_id"], decision["seq"])
    first(world.tables["spy_patch"], lambda row: (row["patch_id"], row["seq"]) == at)["was"] = "pending"


def approve_what_was_rejected(world: World) -> None:
    """A person had said no to another patch of the same kind before."""
    approval = first(world.tables["decision"], by_policy)
    no = first(world.tables["decision"], lambda row: by_people(row) and row["decision"] == "rejected")
    no["apv_id"] = approval["apv_id"]
    no["committed_at"] = (datetime.fromisoformat(approval["decided_at"]) - timedelta(minutes=1)).isoformat()


def approve_what_was_rejected_beside(world: World) -> None:
    """A later result of the patch that a person had said no to named the same apv_id."""
    view = View(world)
    no = first(
        world.tables["decision"],
        lambda row: by_people(row) and row["decision"] == "rejected" and _named_by(view, row) is not None,
    )
    approval = first(world.tables["decision"], lambda row: by_policy(row) and row["apv_id"] != no["apv_id"])
    row, record = _named_by(view, no) or (no, world.inputs[0])
    old, new = (json.dumps(apv_id).encode() for apv_id in (no["apv_id"], approval["apv_id"]))
    world.inputs[world.inputs.index(record)] = record._replace(value=(record.value or b"").replace(old, new))
    before = datetime.fromisoformat(approval["decided_at"]) - timedelta(minutes=1)
    row["committed_at"] = no["committed_at"] = before.isoformat()


def _named_by(view: View, decision: Row) -> tuple[Row, Record] | None:
    """A result of this patch that spells its apv_id as we do."""
    spelled = b'"apv_id":' + json.dumps(decision["apv_id"]).encode()
    for row in view.round_evidence[decision["patch_id"], decision["round"]]:
        record = view.inputs[place_of(row)]
        if spelled in (record.value or b""):
            return row, record
    return None


def date_decision_wrongly(world: World) -> None:
    """By a clock that is two hours ahead."""
    decision = first(world.tables["decision"], by_policy)
    decision["decided_at"] = (datetime.fromisoformat(decision["decided_at"]) + timedelta(hours=2)).isoformat()


def end_early(world: World) -> None:
    """A review was over before its time."""
    view = View(world)
    announced = {(m.data["patch_id"], m.data["seq"]): m.data["round"] for m in view.announced["hitl.pending-review"]}
    decision = first(
        world.tables["decision"],
        lambda row: (
            announced.get((row["patch_id"], row["seq"])) == row["round"]
            and (row["patch_id"], row["round"] + 1) not in view.rounds
        ),
    )
    decision["decision"] = "expired"


def open_twice(world: World) -> None:
    rows = world.tables["action"]
    rows.append(deepcopy(first(rows, lambda row: row["action"] == "review_opened")))


def change_words(world: World) -> None:
    first(world.tables["decision"], lambda row: by_people(row) and row["decision"] == "rejected")["comment"] = (
        "other words"
    )


def comment_without_role(world: World) -> None:
    who = first(world.tables["action"], lambda row: row["action"] == "commented")["actor"]
    first(world.journal, lambda line: line["what"] == "person" and line["who"] == who)["roles"] = ["viewer"]


def fail(world: World) -> None:
    asked = {line["ask"] for line in world.journal if line["what"] == "asked" and line["op"] == "comment"}
    first(world.journal, lambda line: line["what"] == "answered" and line["ask"] in asked)["status"] = 500


def contradict(world: World) -> None:
    """What a person approved stands, although a result says no that came later."""
    approved = first(world.tables["patch"], lambda row: (row["state"], row["approved_by"]) == ("approved", "human"))
    view = View(world)
    known = oracle.objections(view.read_evidence(view.round_evidence[approved["patch_id"], approved["round"]]))
    other = first(
        world.tables["evidence"],
        lambda row: (
            row["patch_id"] != approved["patch_id"] and bool(oracle.objections(view.read_evidence([row])) - known)
        ),
    )
    other["patch_id"], other["round"] = approved["patch_id"], approved["round"]
