"""What justifies that policy takes an approval back: what results say, or a word of a person against something of its kind."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.faults.judge import agreement
from tests.faults.judge.snapshot import Record, Row, World
from tests.faults.judge.view import View
from tests.faults.upstream import event as events
from tests.faults.upstream.corpus import Fix
from tests.faults.upstream.event import Event

FIX = Fix("CVE-2026-1", "low", "a summary", "package", "PyPI", "Python", ("CWE-79",), "+ fixed\n")
EARLY, NOON, LATE = (f"2026-11-27T{hour}:00:00+00:00" for hour in (11, 12, 13))
NOON_BATCH_ENDS = "2026-11-27T12:00:00.250+00:00"
WITHIN = "2026-11-27T12:00:00.125+00:00"


def result(number: int, apv_id: str) -> Event:
    """An approvable result of the one patch."""
    return events.approvable(random.Random(number), number, "patch-1", apv_id, FIX)


def decision(patch_id: str, apv_id: str, kind: str, mode: str, at: str, committed_at: str) -> Row:
    return {
        "patch_id": patch_id, "apv_id": apv_id, "seq": 2, "round": 1, "decision": kind, "mode": mode, "decided_at": at,
        "committed_at": committed_at, "patch_digest": f"digest of {patch_id}", "policy_version": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("apv_id", "at", "is_justified"),
    [
        ("apv-2", EARLY, True),
        ("apv-1", EARLY, True),
        ("apv-3", EARLY, False),
        ("apv-2", LATE, False),
        ("apv-2", WITHIN, True),
        ("apv-3", WITHIN, False),
    ],
)
def test_a_rejection_of_another_patch_counts_for_every_apv_id_that_a_result_names_and_not_afterwards(
    recorded_world: World, apv_id: str, at: str, *, is_justified: bool
) -> None:
    """Found by the campaign, seed 1: approved, then another result named an apv_id of which a person had rejected a patch; and
    by a soak: the person rejected while the batch was under way, whose time is its beginning."""
    tables = defaultdict(list, policy_document=recorded_world.tables["policy_document"])
    raw = [events.binary(result(number, f"apv-{number}")) for number in (1, 2)]
    inputs = [Record("wargaming.results", 0, offset, *one) for offset, one in enumerate(raw)]
    for record in inputs:
        place = {"topic": record.topic, "partition": record.partition, "record_offset": record.offset}
        tables["evidence"].append(
            {**place, "patch_id": "patch-1", "round": 1, "received_at": NOON, "committed_at": NOON}
        )
    tables["decision"] = [
        decision("patch-1", "apv-1", "revoked", "policy", NOON, NOON_BATCH_ENDS),
        decision("patch-2", apv_id, "rejected", "human", at, at),
    ]
    found = list(agreement.check_states(View(World("c", inputs, tables=tables))))
    assert [violation.kind for violation in found] == ([] if is_justified else ["revocation_unjustified"])
