"""Checks of what came in: every input has exactly one fate, every row an input, every position its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from tests.faults.judge import oracle
from tests.faults.judge.oracle import Event, Unusable
from tests.faults.judge.snapshot import INPUT_TOPICS, Record, Row
from tests.faults.judge.view import Place, View, Violation, hexed, place_of, unpacked_headers

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]
RECORD_BYTES_MAX = 1_048_588  # what an input topic takes, of a batch as it came: compressed

LENGTH_BYTES_MAX = 5  # before each part of a record


def check_inputs(view: View) -> Iterator[Violation]:
    """evidence or outcome | duplicate of what was applied | dead letter: one of these, never two, never none."""
    excused = {*view.world.excused}
    for place, record in view.inputs.items():
        applied, dead = view.applied.get(place, []), view.dead.get(place, [])
        if len(applied) + len(dead) > 1:
            yield Violation("two_fates", f"{place}: {len(applied)} rows applied, {len(dead)} dead letters")
        elif applied:
            yield from _check_applied(view, record, applied[0])
        elif dead:
            yield from _check_dead(view, record, dead[0])
        elif place not in excused:
            yield from _check_repeat(view, record)


def _check_applied(view: View, record: Record, row: Row) -> Iterator[Violation]:
    event = view.events[record.place]
    if isinstance(event, Unusable):
        yield Violation("bad_record_applied", f"{record.place}: {event}")
        return
    identity = (row["source"], row["event_id"], row["patch_id"])
    if identity != (event.source, event.id, event.patch_id):
        yield Violation("evidence_differs", f"{record.place}: the row says {identity}")
    digest = oracle.sha256(event.payload)
    if hexed(row["payload_sha256"]) != digest or hexed(row["stored_sha256"]) != digest:
        yield Violation("evidence_differs", f"{record.place}: the stored payload is not what came in")
    if record.topic.endswith("results"):
        yield from _check_filed(view, record, row, oracle.diff_digest(event.data))


def _check_filed(view: View, record: Record, row: Row, digest: str | None) -> Iterator[Violation]:
    bound_to = view.rounds.get((row["patch_id"], row["round"]))
    if bound_to is None:
        yield Violation("patch_row_wrong", f"{record.place}: no round {row['round']} of {row['patch_id']}")
    elif digest is not None and hexed(row["patch_digest"]) != digest:
        yield Violation("evidence_differs", f"{record.place}: another digest than that of its diff")
    elif digest is not None and hexed(bound_to["patch_digest"]) != digest:
        yield Violation("evidence_in_wrong_round", f"{record.place}: round {row['round']} is bound to another diff")


def _check_dead(view: View, record: Record, row: Row) -> Iterator[Violation]:
    event = view.events[record.place]
    if row["error"] == "defect":
        yield Violation("defect", f"{record.place}: {row['reason']}")
    elif row["error"] == "conflict":
        if not isinstance(event, Event) or _same_content(view, event) is not False:
            yield Violation("false_conflict", f"{record.place}: nothing with other content was applied")
    elif isinstance(event, Event):
        yield Violation("good_record_refused", f"{record.place}: {row['reason']}")


def _check_repeat(view: View, record: Record) -> Iterator[Violation]:
    event = view.events[record.place]
    if isinstance(event, Unusable):
        yield Violation("dead_letter_missing", f"{record.place}: {event}")
        return
    match _same_content(view, event):
        case None:
            yield Violation("input_lost", f"{record.place}: {event.identity} is nowhere")
        case False:
            yield Violation("dead_letter_missing", f"{record.place}: conflict of {event.identity}")


def _same_content(view: View, event: Event) -> bool | None:
    """Whether the applied event of this identity says the same; None when none was applied."""
    found = [view.events.get(place_of(row)) for row in view.applied_by_identity.get(event.identity, [])]
    twins = [twin for twin in found if isinstance(twin, Event)]
    if not twins:
        return None
    return bool(oracle.canonical(twins[0].data) == oracle.canonical(event.data))


def check_rows(view: View) -> Iterator[Violation]:
    """Every row came from a visible record (one of an aborted transaction is none), every identity counted once."""
    for place in [*view.applied, *view.dead]:
        if place not in view.inputs:
            yield Violation("row_without_input", f"{place} is no committed record")
    seen = {(row["source"], row["event_id"]) for row in view.rows["event_seen"]}
    for identity, rows in view.applied_by_identity.items():
        if identity not in seen:
            yield Violation("identity_unseen", f"{identity} was applied and could be applied again")
        if len(rows) > 1:
            events = [view.events.get(place_of(row)) for row in rows]
            contents = {oracle.canonical(event.data) for event in events if isinstance(event, Event)}
            kind = "duplicate_applied" if len(contents) == 1 else "conflict_applied"
            yield Violation(kind, f"{identity} from {[place_of(row) for row in rows]}")
    for identity in seen - view.applied_by_identity.keys():
        yield Violation("input_lost", f"{identity} was seen and is nowhere")


def check_positions(view: View) -> Iterator[Violation]:
    """The recorded position of every input partition is its end."""
    rows = {
        (row["topic"], row["partition"]): row["next_offset"]
        for row in view.rows["consumer_position"]
        if row["cluster_id"] == view.world.cluster_id
    }
    for topic in INPUT_TOPICS:
        for partition, end in view.world.ends.get(topic, {}).items():
            position = rows.get((topic, partition))
            if position is None:
                if end:
                    yield Violation("position_missing", f"{topic}/{partition} ends at {end}")
            elif position != end:
                kind = "position_behind" if position < end else "position_ahead"
                yield Violation(kind, f"{topic}/{partition} is recorded up to {position}, ends at {end}")


def check_moves(view: View) -> Iterator[Violation]:
    """Every move begins where the one before it ended, goes forward, and was made by whoever held the claim."""
    at: dict[tuple[str, int], int] = {}
    holders: dict[tuple[str, int], tuple[int, str]] = {}
    for row in view.rows["spy_position"]:
        place, name = (
            (row["topic"], row["partition"]),
            f"{row['topic']}/{row['partition']} {row['before']}→{row['after']}",
        )
        if row["before"] != at.get(place) or row["after"] < (row["before"] or 0):
            yield Violation("position_jumped", f"{name}, was at {at.get(place)}")
        at[place] = row["after"]
        if row["claimed"]:
            holders[place] = (row["epoch"], row["login"])
        elif row["before"] is not None and holders.get(place) != (row["epoch"], row["login"]):
            yield Violation("moved_without_claim", f"{name} by {row['login']}, held by {holders.get(place)}")


def check_produced(view: View) -> Iterator[Violation]:
    """What the broker acknowledged is there to be read, as it was sent; of a topic that was made anew, before or after."""
    sent: dict[tuple[int, int], str | None] = {}
    acknowledged: dict[Place, set[str | None]] = defaultdict(set)
    for line in view.world.journal:
        if line["what"] == "sends":
            sent[line["upstream"], line["number"]] = line["sha256"]
        elif line["what"] == "acknowledged":
            topic, partition, offset = line["place"]
            acknowledged[topic, partition, offset].add(sent[line["upstream"], line["number"]])
    excused = {*view.world.excused}
    for place, digests in acknowledged.items():
        record = view.inputs.get(place)
        if place in excused:  # deleted; something else may lie there by now
            continue
        if record is None:
            yield Violation("broker_lost", f"{place} was acknowledged")
        elif (None if record.value is None else oracle.sha256(record.value)) not in digests:
            yield Violation("broker_lost", f"{place} is not what was sent there")


def check_dead_letters(view: View) -> Iterator[Violation]:
    """Original bytes and headers, in the table and on the topic; every row has its message and every message its row."""
    published: set[tuple[str, int, int]] = set()
    for record in view.world.outputs:
        if record.topic != "hitl.dead-letters":
            continue
        ours = {name: (content or b"").decode() for name, content in record.headers if name.startswith("hitl_")}
        place = (ours["hitl_topic"], int(ours["hitl_partition"]), int(ours["hitl_offset"]))
        published.add(place)
        rows, original = view.dead.get(place), view.inputs.get(place)
        if not rows:
            yield Violation("dead_letter_unrecorded", f"{place} is on the topic only")
        elif (rows[0]["error"], rows[0]["reason"]) != (ours["hitl_error"], ours["hitl_reason"]):
            yield Violation("dead_letter_differs", f"{place}: topic and row give different reasons")
        theirs = tuple((name, content) for name, content in record.headers if not name.startswith("hitl_"))
        if original and not _holds(original, (record.key, record.value, theirs), ours["hitl_reason"]):
            yield Violation("dead_letter_differs", f"{place}: the message is not the original record")
    for place, rows in view.dead.items():
        original = view.inputs.get(place)
        if place not in published:
            yield Violation("dead_letter_unpublished", f"{place} is in the table only")
        for row in rows:
            kept = (_bytes(row["record_key"]), _bytes(row["record_value"]), unpacked_headers(row["headers"]))
            if original and not _holds(original, kept, row["reason"]):
                yield Violation("dead_letter_differs", f"{place}: the row is not the original record")


def _holds(original: Record, kept: tuple[bytes | None, bytes | None, Headers], reason: str) -> bool:
    """Whether it is the original. One that came compressed and is too large for any topic may be cut, if it says so."""
    if kept == (original.key, original.value, original.headers):
        return True
    parts = (original.key, original.value, *(part for n, c in original.headers for part in (n.encode(), c)))
    size = sum(LENGTH_BYTES_MAX + len(part or b"") for part in parts)
    key, value, headers = kept
    beginning = value is not None and len(value) >= RECORD_BYTES_MAX // 2 and (original.value or b"").startswith(value)
    same = key == original.key and headers == original.headers
    return size > RECORD_BYTES_MAX and same and beginning and "beginning" in reason


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.removeprefix("\\x"))


CHECKS = (check_inputs, check_rows, check_positions, check_moves, check_produced, check_dead_letters)
