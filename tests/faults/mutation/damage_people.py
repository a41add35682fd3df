"""Ways to spoil what people did and heard: each finds its own victim in the world, LookupError if there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tests.faults.judge import asks
from tests.faults.judge.asks import Ask
from tests.faults.judge.snapshot import Row, World
from tests.faults.judge.view import View
from tests.faults.mutation.damage import first

LOOKS_APART = 4  # a message may belong to the look before or after its own


def by_people(row: Row) -> bool:
    """A decision of a person."""
    return bool(row["mode"] == "human")


def of_several(row: Row) -> bool:
    """An approval that needed more than one."""
    return by_people(row) and len(row["approvers"]) > 1


def lose_vote(world: World) -> None:
    """One of two that an approval needed, as if it had never been."""
    decision = first(world.tables["decision"], of_several)
    at = (decision["patch_id"], decision["seq"])
    world.tables["vote"].remove(first(world.tables["vote"], lambda row: (row["patch_id"], row["seq"]) == at))
    decision["approvers"] = decision["approvers"][1:]


def make_them_the_author(world: World) -> None:
    """Whoever approved turns out to be the machine that everybody knows."""
    decision = first(world.tables["decision"], lambda row: by_people(row) and row["decision"] == "approved")
    first(world.tables["author"], lambda row: row["name"] == "eureka")["person"] = decision["approvers"][0]


def forget_a_role(world: World) -> None:
    """Whoever decided never had it."""
    who = first(world.tables["decision"], by_people)["decided_by"]
    first(world.journal, lambda line: line["what"] == "person" and line["who"] == who)["roles"] = ["viewer"]


def take_role_before(world: World) -> None:
    """Whoever decided did not have it at that moment any more."""
    decision = first(world.tables["decision"], by_people)
    at = datetime.fromisoformat(decision["committed_at"]).timestamp()
    said = {"who": decision["decided_by"], "role": decision["role"]}
    world.journal += [{"at": at - 1, "what": "role_gone", **said}, {"at": at + 1, "what": "role_asked_for", **said}]


def double_note(world: World) -> None:
    note = first(world.tables["action"], lambda row: row["action"] == "commented")
    world.tables["action"].append(deepcopy(note))


def ask_for_nothing(world: World) -> None:
    """A decision of which no request is known."""
    first(world.tables["decision"], by_people)["request_id"] = "ask-999999"


def answered(op: str) -> Callable[[World], tuple[Ask, Row]]:
    """A request of that kind that was answered as done, and the line that says so."""

    def find(world: World) -> tuple[Ask, Row]:
        ask = first(asks.read(world.journal).values(), lambda one: one.op == op and one.done is not None)
        return ask, ask.answers[-1]

    return find


def refuse_what_was_done(world: World) -> None:
    ask, line = answered("reject")(world)
    ask.answers[:] = [line]
    line["status"] = 409


def tell_another_decision(world: World) -> None:
    answered("reject")(world)[1]["body"]["decision_id"] = "00000000-0000-0000-0000-000000000000"


def see_another_version(world: World) -> None:
    """The request said that it saw something else than what it changed."""
    ask, _ = answered("reject")(world)
    first(world.journal, lambda line: line["what"] == "asked" and line["ask"] == ask.number)["version"] = '"999"'


def lose_move(world: World) -> None:
    """A rejection that left no trace on its patch."""
    ask, _ = answered("reject")(world)
    world.tables["spy_patch"] = [row for row in world.tables["spy_patch"] if row["patch_id"] != ask.patch]


def date_wrongly(world: World) -> None:
    note = first(world.tables["action"], lambda row: row["action"] == "commented")
    note["at"] = (datetime.fromisoformat(note["at"]) + timedelta(hours=2)).isoformat()


def lose_note(world: World) -> None:
    world.tables["action"].remove(first(world.tables["action"], lambda row: row["action"] == "commented"))


def lose_entry(world: World) -> None:
    decision = first(world.tables["decision"], by_people)
    at = (decision["patch_id"], decision["seq"], decision["decision"])
    entries = world.tables["audit_entry"]
    entries.remove(first(entries, lambda row: (row["patch_id"], row["seq"], row["action"]) == at))


def forget_token(world: World) -> None:
    first(world.tables["decision"], by_people)["token_id"] = None


def lose_update(world: World) -> None:
    """One of many updates, which the listener to everything was told; no other of its kind about its patch came close to it."""
    told = [line for line in world.journal if line["what"] == "heard" and line["who"] == "all"]
    looks = [cursor for cursor, _ in groupby(line["message"]["cursor"] for line in told)]
    heard: dict[tuple[str, str], list[int]] = defaultdict(list)
    named = [line["message"] for line in told if line["message"]["type"] != "queue_changed"]
    for message in named:
        heard[message["type"], message["patch_id"]].append(looks.index(message["cursor"]))

    def stands_alone(message: Row) -> bool:
        at, times = looks.index(message["cursor"]), heard[message["type"], message["patch_id"]]
        return sum(abs(at - other) < LOOKS_APART for other in times) == 1

    often = sorted(named[1:], key=lambda message: -len(heard[message["type"], message["patch_id"]]))
    lost = first(often, stands_alone)
    world.journal.remove(first(told, lambda line: line["message"] is lost))


def silence_listener(world: World) -> None:
    world.journal = [line for line in world.journal if not (line["what"] == "heard" and line["who"] == "critical")]


def _yes(world: World) -> Row:
    return first(world.journal, lambda line: _body(line).get("deployable") is True)


def _body(line: Row) -> dict[str, Any]:
    body = line.get("body")
    return body if isinstance(body, dict) else {}


def yes_to_another_digest(world: World) -> None:
    number = _yes(world)["ask"]
    first(world.journal, lambda line: line["what"] == "asked" and line["ask"] == number)["digest"] = "sha256:00"


def yes_for_too_long(world: World) -> None:
    body = _yes(world)["body"]
    body["valid_until"] = (datetime.fromisoformat(body["valid_until"]) + timedelta(hours=1)).isoformat()


def yes_after_revocation(world: World) -> None:
    """The approval that a yes names was revoked long before."""
    line = _yes(world)
    rows = View(world).decisions[_asked(world, line)["patch"]]
    approval = first(rows, lambda row: bool(row["decision_id"] == line["body"]["decision_id"]))
    earlier = (datetime.fromtimestamp(line["at"]).astimezone() - timedelta(minutes=1)).isoformat()
    revoked = {**approval, "seq": approval["seq"] + 1, "decision": "revoked", "committed_at": earlier}
    world.tables["decision"].append(revoked)


def _asked(world: World, line: Row) -> Row:
    return first(world.journal, lambda one: one["what"] == "asked" and one["ask"] == line["ask"])
