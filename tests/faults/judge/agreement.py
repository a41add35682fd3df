"""Checks of what went out: topics, outbox, tables and Eureka's copy say the same, in order, and rightly so."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.faults.judge import oracle
from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation, body, came_at, hexed

LETTERS = 1_862_340_480  # the first shard of dead letters: that of partition 0
SAME_FIELDS = (
    "decision_id", "patch_id", "apv_id", "cve_id", "round", "seq", "decision", "mode", "decided_by", "approvers", "comment",
    "reject_reasons", "policy_version", "ml_confidence", "ml_prediction", "deployed", "synthetic",
)  # fmt: skip


def check_topics(view: View) -> Iterator[Violation]:
    """The output topics hold exactly what the outbox ever held, byte for byte, after repeats are dropped."""
    if view.rows["outbox"]:
        yield Violation("outbox_not_empty", f"{len(view.rows['outbox'])} rows are unpublished")
    kept = Counter(message.body for message in view.kept)
    lying = {body(record) for record in view.world.outputs}
    known_ids = {_cloud_event_id(message) for message in kept}
    for message, times in kept.items():
        if times > 1:
            yield Violation("message_doubled", f"{message[0]} {message[1]!r} was recorded {times} times")
        if message not in lying:
            yield Violation("message_missing", f"{message[0]} {message[1]!r}")
    for message in lying - kept.keys():
        kind = "message_altered" if _cloud_event_id(message) in known_ids else "message_unknown"
        yield Violation(kind, f"{message[0]} {message[1]!r}")


def _cloud_event_id(message: tuple[Any, ...]) -> tuple[str, Any]:
    """What tells messages of a topic apart: the CloudEvents id, of a dead letter its place."""
    topic, _, value, headers = message
    if topic == "hitl.dead-letters":
        return topic, tuple(
            content for name, content in headers if name in {"hitl_topic", "hitl_partition", "hitl_offset"}
        )
    try:
        return topic, json.loads(value)["id"]
    except (ValueError, KeyError):
        return topic, value


def check_order(view: View) -> Iterator[Violation]:
    """Per patch: seq is 1..n in the table, and on its one partition of the topic in this order."""
    for patch_id, rows in view.decisions.items():
        seqs = [row["seq"] for row in rows]
        if len(set(seqs)) < len(seqs):
            yield Violation("decision_doubled", f"{patch_id}: {seqs}")
        elif seqs != list(range(1, len(seqs) + 1)):
            yield Violation("seq_gap", f"{patch_id}: {seqs} in the table")
    told: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for message in view.announced["hitl.decisions"]:
        told[message.data["patch_id"]].append((message.record.partition, message.data["seq"]))
    for patch_id, places in told.items():
        if len({partition for partition, _ in places}) > 1:
            yield Violation("order_wrong", f"{patch_id} is on several partitions: {places}")
        seqs = [seq for _, seq in places]
        if seqs != sorted(seqs):
            yield Violation("order_wrong", f"{patch_id}: {seqs} on the topic")
        elif seqs != list(range(1, len(seqs) + 1)):
            yield Violation("seq_gap", f"{patch_id}: {seqs} on the topic")


def check_shards(view: View) -> Iterator[Violation]:
    """Messages of a patch went through its home's shard, a partition it arrived on; dead letters through that of theirs."""
    homes = {row["patch_id"].encode(): row["home"] for row in view.rows["patch"]}
    older = view.has_older_release  # 0.1.0 put them among decisions
    for message in view.kept:
        topic, key, _, headers = message.body
        if topic == "hitl.dead-letters":
            partition = int(dict(headers)["hitl_partition"] or b"")
            is_right = message.shard == LETTERS + partition or (older and message.shard == partition)
        else:
            is_right = message.shard == homes.get(key or b"")
        if not is_right:
            yield Violation("wrong_shard", f"{topic} {key!r} went through shard {message.shard}")
    arrived = defaultdict(set)
    for row in view.rows["evidence"]:
        arrived[row["patch_id"]].add(row["partition"])
    for row in view.rows["patch"]:
        if row["home"] not in arrived[row["patch_id"]]:
            yield Violation("wrong_shard", f"{row['patch_id']} never arrived on its home {row['home']}")


def check_decisions(view: View) -> Iterator[Violation]:
    """Rows and messages are the same decisions; ids and digests are those of the contract's formulas."""
    messages = {(m.data["patch_id"], m.data["seq"]): m.data for m in view.announced["hitl.decisions"]}
    approvals = {(m.data["patch_id"], m.data["seq"]): m for m in view.announced["hitl.auto-approved"]}
    for row in view.rows["decision"]:
        at = (row["patch_id"], row["seq"])
        name = f"{row['patch_id']} seq {row['seq']}"
        said = messages.pop(at, None)
        if said is None:
            yield Violation("decision_unpublished", name)
        else:
            yield from (Violation("decision_differs", f"{name}: {what}") for what in _differences(row, said))
        if row["decision_id"] != oracle.message_id(row["patch_id"], row["round"], row["seq"]):
            yield Violation("decision_id_wrong", name)
        approval = approvals.pop(at, None)
        if (approval is not None) != (row["decision"] == "approved" and row["mode"] == "policy"):
            yield Violation("auto_approved_wrong", f"{name}: {row['decision']} by {row['mode']}")
        elif approval and approval.envelope["id"] != oracle.message_id("auto-approved", *at[:1], row["round"], at[1]):
            yield Violation("auto_approved_wrong", f"{name}: another id than the formula's")
        elif approval:
            yield from (
                Violation("auto_approved_wrong", f"{name}: {what}") for what in _differences(row, approval.data)
            )
        yield from _check_digests(view, row, name)
    for patch_id, seq in messages:
        yield Violation("decision_unrecorded", f"{patch_id} seq {seq} is on the topic only")


def _differences(row: Row, said: Row) -> Iterator[str]:
    yield from (field for field in SAME_FIELDS if row[field] != said[field])
    for field in ("patch_digest", "evidence_digest"):
        if (said[field] or "sha256:").removeprefix("sha256:") != (hexed(row[field]) or ""):
            yield field
    for field in ("decided_at", "valid_until"):
        if _ms(row[field]) != _ms(said[field]):
            yield field
    reasons = [
        [(r["rule"], r["outcome"], r["detail"]) for r in rs] for rs in (json.loads(row["reasons"]), said["reasons"])
    ]
    if reasons[0] != reasons[1]:
        yield "reasons"


def _ms(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1_000_000) // 1000


def _check_digests(view: View, row: Row, name: str) -> Iterator[Violation]:
    events = view.decided_on(row)
    if events is None:
        yield Violation("evidence_digest_wrong", f"{name}: no set of its results has this digest")
        return
    digests = {oracle.diff_digest(event.data) for event in events} - {None}
    if (hexed(row["patch_digest"]) or None) not in (digests or {None}):
        yield Violation("patch_digest_wrong", f"{name}: not the digest of a diff it was decided on")
    if row["decision"] == "approved" and row["mode"] == "policy":
        refused = oracle.refusals(events, view.policy(row["policy_version"]))
        if refused or row["round"] != 1:
            yield Violation("approval_unjustified", f"{name}: {sorted(refused) or 'a changed artefact'}")


def check_approvals(view: View) -> Iterator[Violation]:
    """What stands approved by policy passes on everything its round knows, and is the only one of its apv_id."""
    standing = [row for row in view.rows["patch"] if row["state"] == "approved" and row["approved_by"] == "policy"]
    for apv_id, times in Counter(row["apv_id"] for row in standing).items():
        if times > 1:
            yield Violation("approvals_doubled", f"{apv_id} has {times} standing policy approvals")
    for row in standing:
        events = view.read_evidence(view.round_evidence[row["patch_id"], row["round"]])
        refused = oracle.refusals(events, view.policy(row["policy_version"]))
        if refused:
            yield Violation("approval_unjustified", f"{row['patch_id']} still stands: {sorted(refused)}")
    yield from _check_people_s(view)


def _check_people_s(view: View) -> Iterator[Violation]:
    """What a person approved falls by what is new and speaks against it."""
    for row in view.rows["patch"]:
        decisions = view.decisions[row["patch_id"]]
        if row["state"] != "approved" or row["approved_by"] != "human" or not decisions:
            continue
        known = view.decided_on(decisions[-1])
        if known is not None:
            events = view.read_evidence(view.round_evidence[row["patch_id"], row["round"]])
            if new := oracle.objections(events) - oracle.objections(known):
                yield Violation("approval_contradicted", f"{row['patch_id']} still stands: {sorted(new)}")


def _words_against(view: View, row: Row) -> Iterator[Row]:
    """What people rejected of the same diff, and other patches of an apv_id that any result of this one names."""
    yield from view.rejected[row["patch_digest"]]
    for apv_id in {row["apv_id"], *view.apv_ids.get(row["patch_id"], ())}:
        for patch_id in view.kin[apv_id].keys() - {row["patch_id"]}:
            yield from view.rejections[patch_id]


def check_states(view: View) -> Iterator[Violation]:
    """The row of a patch is what its decisions say, and a revocation has a reason in the evidence."""
    for row in view.rows["patch"]:
        decisions = view.decisions[row["patch_id"]]
        last = decisions[-1]["decision"] if decisions else None
        if row["seq"] != len(decisions):
            yield Violation(
                "seq_gap", f"{row['patch_id']}: the row says seq {row['seq']}, {len(decisions)} decisions exist"
            )
        if row["state"] not in {"collecting", "pending"} and row["state"] != last:
            yield Violation("patch_row_wrong", f"{row['patch_id']} is {row['state']}, last decided {last}")
        is_decided = last in {"approved", "rejected"} and decisions[-1]["round"] == row["round"]
        if row["state"] in {"collecting", "pending"} and is_decided:
            yield Violation("patch_row_wrong", f"{row['patch_id']} is {row['state']} although {last}")
    for row in view.rows["decision"]:
        if any(came_at(no) <= came_at(row) for no in _words_against(view, row)):
            continue  # reason enough
        if (
            row["decision"] == "revoked"
            and row["mode"] == "policy"
            and (row["patch_id"], row["round"] + 1) not in view.rounds
        ):
            events = view.read_evidence(view.round_evidence[row["patch_id"], row["round"]])
            if not oracle.refusals(events, view.policy(row["policy_version"])):
                yield Violation("revocation_unjustified", f"{row['patch_id']} seq {row['seq']}")


def check_reviews(view: View) -> Iterator[Violation]:
    """Every review that was opened is announced once under its id, and every announcement was a review."""
    messages = [
        ((m.data["patch_id"], m.data["round"], m.data["seq"]), m) for m in view.announced["hitl.pending-review"]
    ]
    said = dict(messages)
    begun = ("review_opened", "reopened")
    openings = Counter((r["patch_id"], r["round"], r["seq"]) for r in view.rows["action"] if r["action"] in begun)
    opened = openings.keys()
    for at, times in (Counter(at for at, _ in messages) | openings).items():
        if times > 1:
            yield Violation("review_doubled", f"{at}: {openings[at]} openings, announced as {times} different reviews")
    waiting = {(r["patch_id"], r["round"], r["seq"] + 1) for r in view.rows["patch"] if r["state"] == "pending"}
    for at in opened | waiting:
        if at not in said:
            yield Violation("review_unannounced", f"{at}")
    for at, message in said.items():
        if at not in opened:
            yield Violation("review_unrecorded", f"{at}")
        if message.envelope["id"] != oracle.message_id("review", *at):
            yield Violation("review_id_wrong", f"{at}")
    cards = {(row["patch_id"], row["round"]) for row in view.rows["review"]}
    for at in opened:
        if at[:2] not in cards:
            yield Violation("review_unrecorded", f"{at} has no row")


def check_outcomes(view: View) -> Iterator[Violation]:
    """A deployment that is not called an alarm had an approval of that digest before it."""
    for row in view.rows["outcome"]:
        if row["outcome"] == "deployed" and not row["unapproved"]:
            approvals = [
                d for d in view.decisions[row["patch_id"]]
                if d["decision"] == "approved" and (row["patch_digest"] is None or d["patch_digest"] == row["patch_digest"])
            ]  # fmt: skip
            if not approvals:
                yield Violation("alarm_missing", f"{row['patch_id']} was deployed, never approved")


def check_eureka(view: View) -> Iterator[Violation]:
    """Eureka accepted every decision of every patch, in order and as it is recorded, and nothing else."""
    for patch_id in view.world.eureka.keys() - view.decisions.keys():
        yield Violation("eureka_differs", f"{patch_id} is known to Eureka only")
    for patch_id, rows in view.decisions.items():
        copy = view.world.eureka.get(patch_id, [])
        seqs = [said["seq"] for said in copy]
        if seqs != [row["seq"] for row in rows]:
            yield Violation("eureka_differs", f"{patch_id}: Eureka knows seq {seqs}, {len(rows)} are recorded")
            continue
        for row, said in zip(rows, copy, strict=True):
            for what in _differences(row, said):
                yield Violation("eureka_differs", f"{patch_id} seq {row['seq']}: {what}")


CHECKS = (
    check_topics, check_order, check_shards, check_decisions, check_approvals, check_states, check_reviews, check_outcomes,
    check_eureka,
)  # fmt: skip
