"""Ways to spoil what policy approved, withheld and revoked, and the switch that stops it."""

from __future__ import annotations

from datetime import datetime

from tests.faults.judge import oracle
from tests.faults.judge.snapshot import Row, World
from tests.faults.judge.view import View
from tests.faults.mutation.damage import first


def two_approvals(world: World) -> None:
    standing = [row for row in world.tables["patch"] if row["approved_by"] == "policy"]
    standing[1]["apv_id"] = standing[0]["apv_id"]


def withhold_approval(world: World) -> None:
    view = View(world)
    rejected = {row["patch_digest"] for row in world.tables["decision"] if row["decision"] == "rejected"}

    def fits(row: Row) -> bool:
        alone = len(view.round_evidence[row["patch_id"], row["round"]]) == 1
        lonely = sum(r["apv_id"] == row["apv_id"] for r in world.tables["patch"]) == 1
        return row["approved_by"] == "policy" and alone and lonely and row["patch_digest"] not in rejected

    row = first(world.tables["patch"], fits)
    row.update(state="pending", seq=0)
    first(world.tables["spy_patch"], lambda move: move["patch_id"] == row["patch_id"])["state"] = "pending"
    world.tables["decision"] = [d for d in world.tables["decision"] if d["patch_id"] != row["patch_id"]]


def revoke_without_reason(world: World) -> None:
    view = View(world)
    row = first(world.tables["decision"], lambda r: not oracle.refusals(
        view.read_evidence(view.round_evidence[r["patch_id"], r["round"]]), world.tables["policy_document"][0]["document"]
    ))  # fmt: skip
    row["decision"] = "revoked"


def switch_off(world: World) -> None:
    """Policy approved although nothing was to be approved."""
    decision = first(world.tables["decision"], lambda row: (row["mode"], row["decision"]) == ("policy", "approved"))
    at = datetime.fromisoformat(decision["committed_at"]).timestamp()
    world.journal += [{"at": at + moved, "what": "switch"} for moved in (-2, -1, 1, 2)]


def throw_unseen(world: World) -> None:
    """The switch was thrown twice, and of the second time one entry is missing."""
    world.journal += [{"at": float(at), "what": "switch"} for at in (10, 20, 30, 40, 110, 120, 130, 140)]
    thrown = ((15, "auto_approve_disabled"), (35, "auto_approve_enabled"), (135, "auto_approve_enabled"))
    entries = [{"at": datetime.fromtimestamp(at).astimezone().isoformat(), "action": action} for at, action in thrown]
    world.tables["audit_entry"] += [dict.fromkeys(world.tables["audit_entry"][0]) | entry for entry in entries]


def throw_secretly(world: World) -> None:
    """The switch was thrown, and nobody did it."""
    entry = {"at": "2026-11-26T00:00:00+00:00", "action": "auto_approve_disabled"}
    world.tables["audit_entry"].append(dict.fromkeys(world.tables["audit_entry"][0]) | entry)
