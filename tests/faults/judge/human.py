"""Checks of what people did: nothing lost, nothing twice, nobody who may not, on what they saw, and all of it in the audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase

from tests.faults.judge import asks, oracle
from tests.faults.judge.asks import Ask, Effect
from tests.faults.judge.oracle import Event
from tests.faults.judge.snapshot import Row
from tests.faults.judge.view import View, Violation, came_at

MUST_LEAVE_A_ROW = ("approve", "reject", "revoke", "reopen", "comment")  # a claim may be held already
CLOCK_S = 1.0


class Windows:
    """When somebody certainly did not have a role: from the answer that it is gone until it was asked for again."""

    def __init__(self, journal: list[Row]) -> None:
        self._had: set[tuple[str, str]] = set()
        self._without: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self.is_told = False
        since: dict[tuple[str, str], float] = {}
        for line in journal:
            if line["what"] == "person":
                self.is_told = True
                self._had |= {(line["who"], role) for role in line["roles"]}
            elif line["what"] == "role_gone":
                since[line["who"], line["role"]] = line["at"]
            elif line["what"] == "role_asked_for":
                key = (line["who"], line["role"])
                self._without[key].append((since.pop(key, line["at"]), line["at"]))
        for key, at in since.items():
            self._without[key].append((at, float("inf")))

    def lacks(self, who: str, role: str, at: float) -> bool:
        """Whether this person did not have the role at that time."""
        return (who, role) not in self._had or any(start < at < end for start, end in self._without[who, role])


def check_requests(view: View) -> Iterator[Violation]:
    """Everything recorded was asked for, once, by that person; everything answered as done is recorded; a refusal is one."""
    asked = asks.read(view.world.journal)
    left: dict[int, list[Effect]] = defaultdict(list)
    for effect in asks.effects(view.rows):
        number = asks.number_of(effect)
        ask = None if number is None else asked.get(number)
        if ask is None or not effect.belongs_to(ask):
            yield Violation("human_unasked", effect.name)
        else:
            left[ask.number].append(effect)
    for ask in asked.values():
        yield from _check_ask(view, ask, left[ask.number])
        for answer in ask.answers:
            if answer.get("status") == 500:
                yield Violation("server_failed", f"ask {ask.number}: {ask.who} {ask.op} {ask.patch}: {answer['body']}")


def _check_ask(view: View, ask: Ask, left: list[Effect]) -> Iterator[Violation]:
    name = f"ask {ask.number}: {ask.who} {ask.op} {ask.patch}"
    for kind, times in Counter(effect.kind for effect in left).items():
        if times > 1:
            yield Violation("human_doubled", f"{name} left {times} rows of {kind}")
    if ask.is_refused and left:
        yield Violation("refused_and_done", f"{name} was answered {ask.answers[-1]['status']} and left {left[0].name}")
    if ask.done is not None and ask.op in MUST_LEAVE_A_ROW:
        yield from _check_answer(ask, ask.done, left, name)
    if ask.version is not None:
        yield from _check_version(view, ask, left, name)


def _check_answer(ask: Ask, done: Row, left: list[Effect], name: str) -> Iterator[Violation]:
    if not left:
        yield Violation("human_lost", f"{name} was answered as done and is nowhere")
    said = ask.body.get("reason") or ask.body.get("comment")
    if left and not any(effect.said == said for effect in left):
        yield Violation("words_lost", f"{name} said {said!r}, recorded is {[effect.said for effect in left]}")
    decision = next((effect.row for effect in left if effect.kind == "decision"), None)
    told = done.get("decision_id")
    if (told is None) != (decision is None) or (decision is not None and told != decision["decision_id"]):
        yield Violation("answer_differs", f"{name} was told decision {told}, recorded is {decision}")
    for effect in left:
        if effect.at.timestamp() < ask.at - CLOCK_S or effect.at.timestamp() > (ask.answered_at or ask.at) + CLOCK_S:
            yield Violation("wrongly_dated", f"{name}: {effect.name} is dated {effect.at}")


def _check_version(view: View, ask: Ask, left: list[Effect], name: str) -> Iterator[Violation]:
    """What it changed was at the version that was seen."""
    for effect in left:
        moved = view.moves[effect.row["patch_id"], effect.at]
        before = min((row["before"] for row in moved), default=None)
        if effect.kind != "action" and before is None:
            yield Violation("moved_unseen", f"{effect.name} changed no version")
        elif before is not None and ask.version != f'"{before}"':
            yield Violation("decided_unseen", f"{name} saw {ask.version}, it was {before}")


def check_quorum(view: View) -> Iterator[Violation]:
    """An approval has as many different people as it needs, none an author, each with the role when it was committed."""
    windows = Windows(view.world.journal)
    for row in view.rows["vote"]:
        at = came_at(row).timestamp()
        if windows.is_told and windows.lacks(row["person"], row["role"], at):
            yield Violation("unauthorised", f"vote of {row['person']} on {row['patch_id']} without role {row['role']}")
    for effect in asks.effects(view.rows):
        row, at = effect.row, came_at(effect.row).timestamp()
        role = row["role"] or ""
        if effect.kind == "action" and windows.is_told and windows.lacks(effect.who, role, at):
            yield Violation("unauthorised", f"{effect.name} without role {role}")
    for row in view.rows["decision"]:
        if row["mode"] != "human":
            continue
        name = f"{row['patch_id']} seq {row['seq']}"
        at = came_at(row).timestamp()
        role = row["role"] or ""
        if windows.is_told and windows.lacks(row["decided_by"], role, at):
            yield Violation("unauthorised", f"{name} was {row['decision']} by {row['decided_by']} without role {role}")
        if row["decision"] == "approved":
            yield from _check_approval(view, windows, row, name)


def _check_approval(view: View, windows: Windows, row: Row, name: str) -> Iterator[Violation]:
    votes = [
        vote
        for vote in view.votes[row["patch_id"], row["seq"]]
        if (vote["evidence_digest"], vote["patch_digest"]) == (row["evidence_digest"], row["patch_digest"])
    ]
    at = came_at(row).timestamp()
    if windows.is_told:
        votes = [vote for vote in votes if not windows.lacks(vote["person"], vote["role"], at)]
    voters = {vote["person"] for vote in votes}
    if not set(row["approvers"]) <= voters or not voters:
        yield Violation("approver_made_up", f"{name}: {row['approvers']}, votes in force are of {sorted(voters)}")
    events = view.decided_on(row)
    if events is None:
        return  # agreement.check_decisions says so
    authors = {(event.source, (event.data.get("patch") or {}).get("author")) for event in events}
    people, is_unknown = _authors(view, authors)
    if people & voters:
        yield Violation("approved_own", f"{name}: {sorted(people & voters)}")
    needed = 1 if any(vote["break_glass"] for vote in votes) else _needed(view, events)
    if len(voters - people) < needed + is_unknown:
        yield Violation("quorum_missed", f"{name}: {sorted(voters)} of {needed + is_unknown}")


def _authors(view: View, authors: set[tuple[str, str | None]]) -> tuple[set[str], bool]:
    """The persons behind these authors, and whether nobody knows who one of them is (then it may be whoever is so called)."""
    people: set[str] = set()
    is_unknown = False
    for source, author in authors:
        known = [row for row in view.rows["author"] if row["name"] == author and fnmatchcase(source, row["source"])]
        people |= {row["person"] for row in known if row["person"] is not None}
        if not known:
            is_unknown = True
            people |= {author} if author else set()
    return people, is_unknown


def _needed(view: View, events: list[Event]) -> int:
    """By the worst that the results say, severity or risk; unknown counts as high."""
    words = [word for event in events for word in (oracle.severity(event.data), oracle.risk(event.data))]
    rank = max({"none": 0, "low": 0, "medium": 1, "high": 2, "critical": 3}.get(word, 2) for word in words)
    rules = {row["class"]: row["needed"] for row in view.rows["approval_rule"]}
    return int(rules[("low", "medium", "high", "critical")[rank]])


def check_audit(view: View) -> Iterator[Violation]:
    """Whatever was done has its entry, with who did it, as what, by which token and in which request."""
    entries = Counter(
        (row["patch_id"], row["seq"], row["action"], row["actor"], row["request_id"])
        for row in view.rows["audit_entry"]
    )
    concluding = {(row["patch_id"], row["seq"], row["decided_by"], row["decided_at"]) for row in view.rows["decision"]}
    for effect in asks.effects(view.rows):
        row = effect.row
        if effect.kind == "vote" and (row["patch_id"], row["seq"], row["person"], row["at"]) in concluding:
            continue  # the decision tells of it
        action = {"vote": "approval_given", "decision": row.get("decision"), "action": row.get("action")}[effect.kind]
        times = entries[row["patch_id"], row["seq"], action, effect.who, row["request_id"]]
        if times != 1:
            yield Violation("audit_missing", f"{effect.name}: {times} entries")
        if not (row["role"] and row["token_id"]):
            yield Violation("audit_incomplete", f"{effect.name}: role {row['role']}, token {row['token_id']}")
    policy = Counter((row["patch_id"], row["seq"], row["action"]) for row in view.rows["audit_entry"])
    for row in view.rows["decision"]:
        if policy[row["patch_id"], row["seq"], row["decision"]] != 1:
            yield Violation(
                "audit_missing", f"{row['patch_id']} seq {row['seq']}: {row['decision']} has no single entry"
            )


CHECKS = (check_requests, check_quorum, check_audit)
