"""The kinds of damage, each with the violation that the checker must answer with."""

from __future__ import annotations

from typing import NamedTuple

from tests.faults.mutation import damage, damage_people
from tests.faults.mutation.damage import Spoil


class Mutation(NamedTuple):
    """`kind` is the violation that must be among the answers."""

    name: str
    kind: str
    spoil: Spoil


MUTATIONS = (
    Mutation("evidence row lost", "input_lost", damage.drop("evidence")),
    Mutation("seen identity lost", "identity_unseen", damage.drop("event_seen")),
    Mutation("input lost by the broker", "broker_lost", damage.lose_input),
    Mutation("record of an aborted transaction applied", "row_without_input", damage.apply_aborted),
    Mutation("duplicate applied", "duplicate_applied", damage.apply_duplicate),
    Mutation("conflict applied", "conflict_applied", damage.apply_conflict),
    Mutation("bad record applied", "bad_record_applied", damage.apply_bad_record),
    Mutation("good record refused", "good_record_refused", damage.refuse_good_record),
    Mutation("conflict without another side", "false_conflict", damage.false_conflict),
    Mutation("two fates", "two_fates", damage.two_fates),
    Mutation("payload changed", "evidence_differs",
             damage.change("evidence", "stored_sha256", damage.flipped, damage.anything)),
    Mutation("evidence in another round", "evidence_in_wrong_round", damage.file_in_wrong_round),
    Mutation("position behind", "position_behind", damage.move_position(-1)),
    Mutation("position ahead", "position_ahead", damage.move_position(1)),
    Mutation("position lost", "position_missing", damage.drop("consumer_position", lambda row: row["next_offset"] > 0)),
    Mutation("dead letter lost", "dead_letter_missing", damage.drop("dead_letter", lambda row: row["error"] == "bad_record")),
    Mutation("dead letter's row changed", "dead_letter_differs",
             damage.change("dead_letter", "record_value", damage.flipped, lambda row: bool(row["record_value"]))),
    Mutation("dead letter's message changed", "dead_letter_differs", damage.change_letter),
    Mutation("dead letter without its headers", "dead_letter_differs", damage.strip_letter),
    Mutation("dead letter unpublished", "dead_letter_unpublished", damage.lose_message(damage.LETTERS)),
    Mutation("decision lost", "decision_unrecorded", damage.drop("decision")),
    Mutation("decision doubled", "decision_doubled", damage.double_decision),
    Mutation("decision missing on the topic", "decision_unpublished", damage.lose_message(damage.DECISIONS)),
    Mutation("message missing", "message_missing", damage.lose_message(damage.DECISIONS)),
    Mutation("message made up", "message_unknown", damage.invent_message),
    Mutation("byte changed in a message", "message_altered", damage.alter_message),
    Mutation("message recorded twice", "message_doubled", damage.record_message_twice),
    Mutation("message left in the outbox", "outbox_not_empty", damage.leave_outbox),
    Mutation("order swapped", "order_wrong", damage.swap_order),
    Mutation("gap in seq in the table", "seq_gap", damage.gap_in_table),
    Mutation("gap in seq on the topic", "seq_gap", damage.gap_on_topic),
    Mutation("another decision in row than in message", "decision_differs",
             damage.change("decision", "ml_confidence", lambda _: 0.1234, damage.approved)),
    Mutation("decision id by another formula", "decision_id_wrong",
             damage.change("decision", "decision_id", damage.flipped, damage.approved)),
    Mutation("wrong evidence digest", "evidence_digest_wrong", damage.hide_decision_digest),
    Mutation("wrong patch digest", "patch_digest_wrong", damage.hide_patch_digest),
    Mutation("message through another shard", "wrong_shard",
             damage.change("patch", "home", lambda home: int(str(home)) + 1, lambda row: row["seq"] > 0)),
    Mutation("review never announced", "review_unannounced", damage.silence_review),
    Mutation("review never recorded", "review_unrecorded", damage.drop("action", lambda row: row["action"] == "review_opened")),
    Mutation("approval although flagged", "approval_unjustified", damage.approve_flagged),
    Mutation("two approvals for one apv_id", "approvals_doubled", damage.two_approvals),
    Mutation("approval withheld", "approval_withheld", damage.withhold_approval),
    Mutation("revoked without a reason", "revocation_unjustified", damage.revoke_without_reason),
    Mutation("state against the decisions", "patch_row_wrong",
             damage.change("patch", "state", lambda _: "expired", lambda row: row["state"] == "approved")),
    Mutation("alarm missing", "alarm_missing", damage.hide_alarm),
    Mutation("Eureka's copy stale", "eureka_differs", damage.forget_in_eureka(-1)),
    Mutation("Eureka missed a decision", "eureka_differs", damage.forget_in_eureka(0)),
    Mutation("Eureka was told something else", "eureka_differs", damage.change_in_eureka),
    Mutation("records skipped", "position_jumped", damage.jump),
    Mutation("recorded without a claim", "moved_without_claim", damage.move_without_claim),
    Mutation("one vote of two lost", "quorum_missed", damage_people.lose_vote),
    Mutation("approvers made up", "approver_made_up",
             damage.change("decision", "approvers", lambda _: ["zoe"], damage_people.of_several)),
    Mutation("approved by its author", "approved_own", damage_people.make_them_the_author),
    Mutation("decided without the role", "unauthorised", damage_people.forget_a_role),
    Mutation("decided when the role was gone", "unauthorised", damage_people.take_role_before),
    Mutation("answered as done and lost", "human_lost", damage_people.lose_note),
    Mutation("asked once and done twice", "human_doubled", damage_people.double_note),
    Mutation("done and never asked for", "human_unasked", damage_people.ask_for_nothing),
    Mutation("refused and done", "refused_and_done", damage_people.refuse_what_was_done),
    Mutation("another decision in the answer", "answer_differs", damage_people.tell_another_decision),
    Mutation("decided on another version", "decided_unseen", damage_people.see_another_version),
    Mutation("decided without a new version", "moved_unseen", damage_people.lose_move),
    Mutation("dated two hours later", "wrongly_dated", damage_people.date_wrongly),
    Mutation("audit entry lost", "audit_missing", damage_people.lose_entry),
    Mutation("decided without a token", "audit_incomplete", damage_people.forget_token),
    Mutation("approved by policy while that was off", "approved_while_off", damage_people.switch_off),
    Mutation("live update lost", "live_gap", damage_people.lose_update),
    Mutation("listener never told anything", "live_silent", damage_people.silence_listener),
    Mutation("yes to another digest", "gate_wrong", damage_people.yes_to_another_digest),
    Mutation("yes for too long", "gate_wrong", damage_people.yes_for_too_long),
    Mutation("yes after a revocation", "gate_wrong", damage_people.yes_after_revocation),
)  # fmt: skip
