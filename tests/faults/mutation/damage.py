"""Ways to spoil a recorded world: each finds its own victim in it, LookupError if there is none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from tests.faults.judge import oracle
from tests.faults.judge.oracle import Event
from tests.faults.judge.snapshot import Record, Row, World
from tests.faults.judge.view import View, place_of

T = TypeVar("T")
Spoil: TypeAlias = Callable[[World], None]
APART = 1_862_340_480  # the shards of dead letters begin here
DECISIONS, REVIEWS, LETTERS = "hitl.decisions", "hitl.pending-review", "hitl.dead-letters"


def first(items: Iterable[T], wanted: Callable[[T], bool] = lambda _: True) -> T:
    for item in items:
        if wanted(item):
            return item
    raise LookupError("the world holds no such thing")


def drop(table: str, wanted: Callable[[Row], bool] = lambda _: True) -> Spoil:
    def spoil(world: World) -> None:
        world.tables[table].remove(first(world.tables[table], wanted))

    return spoil


def change(table: str, column: str, change: Callable[[object], object], wanted: Callable[[Row], bool]) -> Spoil:
    def spoil(world: World) -> None:
        row = first(world.tables[table], wanted)
        row[column] = change(row[column])

    return spoil


def anything(_: Row) -> bool:
    return True


def flipped(text: object) -> str:
    """A bytea with its last digit changed."""
    spelled = str(text)
    return spelled[:-1] + ("0" if spelled[-1] != "0" else "1")


def move_position(by: int) -> Spoil:
    return change("consumer_position", "next_offset", lambda n: int(str(n)) + by, lambda row: row["next_offset"] > 1)


def lose_message(topic: str) -> Spoil:
    def spoil(world: World) -> None:
        victim = first(world.outputs, lambda r: r.topic == topic)
        world.outputs = [r for r in world.outputs if (r.topic, r.key, r.value, r.headers) != (topic, *victim[3:])]

    return spoil


def alter_message(world: World) -> None:
    victim = first(world.outputs, lambda r: r.topic == DECISIONS)
    altered = victim._replace(value=(victim.value or b"").replace(b'"decided_by":"policy"', b'"decided_by":"polIcy"'))
    world.outputs[world.outputs.index(victim)] = altered


def invent_message(world: World) -> None:
    victim = first(world.outputs, lambda r: r.topic == DECISIONS)
    envelope = json.loads(victim.value or b"")
    envelope["id"] = envelope["data"]["decision_id"] = "00000000-0000-5000-8000-000000000000"
    envelope["data"]["patch_id"] = "patch-nobody-sent"
    world.outputs.append(victim._replace(offset=10**6, key=b"patch-nobody-sent", value=json.dumps(envelope).encode()))


def patch_with_two_decisions(world: World) -> str:
    counted = Counter(row["patch_id"] for row in world.tables["decision"]).items()
    patch_id: str = first(counted, lambda item: item[1] >= 2)[0]
    return patch_id


def swap_order(world: World) -> None:
    patch_id = patch_with_two_decisions(world)
    told = [r for r in world.outputs if r.topic == DECISIONS and r.key == patch_id.encode()]
    one, two = first(told), first(told, lambda r: r.value != told[0].value)
    world.outputs = [
        r._replace(value=two.value if r.value == one.value else one.value, headers=one.headers)
        if r.topic == DECISIONS and r.value in {one.value, two.value} else r
        for r in world.outputs
    ]  # fmt: skip


def gap_in_table(world: World) -> None:
    patch_id = patch_with_two_decisions(world)
    world.tables["decision"].remove(
        first(world.tables["decision"], lambda r: r["patch_id"] == patch_id and r["seq"] == 1)
    )


def gap_on_topic(world: World) -> None:
    key = patch_with_two_decisions(world).encode()
    world.outputs = [
        r
        for r in world.outputs
        if not (r.topic == DECISIONS and r.key == key and json.loads(r.value or b"")["data"]["seq"] == 1)
    ]


def double_decision(world: World) -> None:
    world.tables["decision"].append(dict(world.tables["decision"][0]))


def like_evidence(world: World, record: Record) -> Row:
    """An evidence row as if the record had been applied."""
    event = oracle.read(record.topic, record.value, record.headers)
    row = first(world.tables["evidence"], lambda r: (r["source"], r["event_id"]) == event.identity)
    return row | {
        "topic": record.topic, "partition": record.partition, "record_offset": record.offset, "patch_id": event.patch_id,
    }  # fmt: skip


def apply_duplicate(world: World) -> None:
    view = View(world)
    taken = view.applied.keys() | view.dead.keys()
    record = first(world.inputs, lambda r: r.topic.endswith("results") and r.place not in taken)
    world.tables["evidence"].append(like_evidence(world, record))


def apply_conflict(world: World) -> None:
    row = first(world.tables["dead_letter"], lambda r: r["error"] == "conflict" and r["topic"].endswith("results"))
    record = first(world.inputs, lambda r: r.place == place_of(row))
    world.tables["dead_letter"].remove(row)
    world.tables["evidence"].append(like_evidence(world, record))


def apply_bad_record(world: World) -> None:
    row = first(world.tables["dead_letter"], lambda r: r["error"] == "bad_record")
    world.tables["dead_letter"].remove(row)
    place = {"topic": row["topic"], "partition": row["partition"], "record_offset": row["record_offset"]}
    world.tables["evidence"].append(world.tables["evidence"][0] | place | {"event_id": "x"})


def apply_aborted(world: World) -> None:
    world.tables["evidence"].append(world.tables["evidence"][0] | {"record_offset": 10**6, "event_id": "aborted"})


def two_fates(world: World) -> None:
    row = world.tables["evidence"][0]
    place = {"topic": row["topic"], "partition": row["partition"], "record_offset": row["record_offset"]}
    world.tables["dead_letter"].append(world.tables["dead_letter"][0] | place | {"error": "bad_record"})


def refuse_good_record(world: World) -> None:
    two_fates(world)
    world.tables["evidence"].pop(0)


def false_conflict(world: World) -> None:
    refuse_good_record(world)
    world.tables["dead_letter"][-1]["error"] = "conflict"


def hide_decision_digest(world: World) -> None:
    """The wrong evidence digest, consistently in row and message: only the raw inputs can tell."""
    replace_everywhere(world, lambda row: str(row["evidence_digest"]), flipped)


def hide_patch_digest(world: World) -> None:
    replace_everywhere(world, lambda row: str(row["patch_digest"]), flipped)


def replace_everywhere(world: World, pick: Callable[[Row], str], change: Callable[[object], str]) -> None:
    row = first(world.tables["decision"], lambda r: r["decision"] == "approved")
    old = pick(row).removeprefix("\\x")
    new = change(old)
    for name in ("decision", "patch", "round_closed"):
        for changed in world.tables[name]:
            changed.update(
                {c: v.replace(old, new) for c, v in changed.items() if isinstance(v, str) and c.endswith("digest")}
            )
    replace_in_messages(world, old.encode(), new.encode())


def replace_in_messages(world: World, old: bytes, new: bytes) -> None:
    world.outputs = [r._replace(value=r.value.replace(old, new) if r.value else r.value) for r in world.outputs]
    for kept in world.tables["spy_outbox"]:
        kept["messages"] = [m.replace(old.hex(), new.hex()) if m else m for m in kept["messages"]]


def approve_flagged(world: World) -> None:
    """An approved single result was flagged all along, and every digest agrees: only the rule can tell."""
    view = View(world)

    def fits(row: Row) -> bool:
        alone = len(view.round_evidence[row["patch_id"], row["round"]]) == 1
        event = view.events.get(place_of(row))
        headed = isinstance(event, Event) and event.payload == view.inputs[place_of(row)].value
        decided = [(d["decision"], d["mode"]) for d in view.decisions[row["patch_id"]]]
        return alone and headed and decided == [("approved", "policy")]  # people may approve what is flagged

    row = first(world.tables["evidence"], fits)
    record = view.inputs[place_of(row)]
    forged = record._replace(value=(record.value or b"").replace(b'"flagged":false', b'"flagged":true'))
    world.inputs[world.inputs.index(record)] = forged
    event = oracle.read(forged.topic, forged.value, forged.headers)
    old = oracle.evidence_digest([(row["source"], row["event_id"], row["payload_sha256"].removeprefix("\\x"))])
    row["payload_sha256"] = row["stored_sha256"] = f"\\x{oracle.sha256(event.payload)}"
    new = oracle.evidence_digest([(row["source"], row["event_id"], oracle.sha256(event.payload))])
    for decision in world.tables["decision"]:
        decision["evidence_digest"] = decision["evidence_digest"].replace(old, new)
    replace_in_messages(world, old.encode(), new.encode())


def silence_review(world: World) -> None:
    """The announcement vanishes from topic and outbox alike."""
    victim = first(world.outputs, lambda r: r.topic == REVIEWS)
    world.outputs = [r for r in world.outputs if (r.topic, r.value) != (REVIEWS, victim.value)]
    value = "\\x" + (victim.value or b"").hex()
    for kept in world.tables["spy_outbox"]:
        while value in kept["messages"]:
            at = kept["messages"].index(value) - 2
            del kept["messages"][at : at + 4]


def change_letter(world: World) -> None:
    victim = first(world.outputs, lambda r: r.topic == LETTERS and bool(r.value))
    world.outputs[world.outputs.index(victim)] = victim._replace(value=b"?" + (victim.value or b"")[1:])


def strip_letter(world: World) -> None:
    victim = first(world.outputs, lambda r: r.topic == LETTERS and any(name == "content-type" for name, _ in r.headers))
    kept = tuple(header for header in victim.headers if header[0] != "content-type")
    world.outputs[world.outputs.index(victim)] = victim._replace(headers=kept)


def forget_in_eureka(at: int) -> Spoil:
    """Eureka never learns of the first or the last of several decisions."""

    def spoil(world: World) -> None:
        world.eureka[patch_with_two_decisions(world)].pop(at)

    return spoil


def change_in_eureka(world: World) -> None:
    world.eureka[patch_with_two_decisions(world)][0]["decision"] = "rejected"


def jump(world: World) -> None:
    """A move that began behind its predecessor's end."""
    moved = first(world.tables["spy_position"], lambda row: bool(row["before"]))
    moved["before"] += 1


def move_without_claim(world: World) -> None:
    moved = first(world.tables["spy_position"], lambda row: row["before"] not in (None, row["after"]))
    moved["login"] = "somebody-else"


def hide_alarm(world: World) -> None:
    never = {row["patch_id"] for row in world.tables["patch"]} - {r["patch_id"] for r in world.tables["decision"]}
    row = first(
        world.tables["outcome"], lambda r: (r["outcome"] == "deployed" and r["unapproved"]) or r["patch_id"] in never
    )
    row.update(unapproved=False, outcome="deployed")


def file_in_wrong_round(world: World) -> None:
    view = View(world)
    row = first(world.tables["evidence"], lambda r: r["round"] == 2 and (r["patch_id"], 1) in view.rounds)
    row["round"] = 1


def record_message_twice(world: World) -> None:
    row = first(world.tables["spy_outbox"])
    world.tables["spy_outbox"].append(row | {"id": 10**6})


def leave_outbox(world: World) -> None:
    world.tables["outbox"].append(dict(world.tables["spy_outbox"][0]))


def lose_input(world: World) -> None:
    world.inputs.pop(0)


def swap_inputs(world: World) -> None:
    """Two records changed places on their partition."""
    one, other = world.inputs[:2]
    world.inputs[:2] = [one._replace(value=other.value), other._replace(value=one.value)]


def approved(row: Row) -> bool:
    return bool(row["decision"] == "approved")
