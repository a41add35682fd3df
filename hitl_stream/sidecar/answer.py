"""What is answered to who may ask, by how the patch stands and whose it is: documentation, and what the tests really ask.

Nothing is decided here: the database decides (0016). Every row is asked by a test, at full scale every cell for every role,
and a route on a patch without a row fails, so that the table and what happens cannot part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Final

from hitl_stream.review.role import Role
from hitl_stream.sidecar import permission
from hitl_stream.sidecar.permission import PERMISSIONS, REVIEWERS, Route


class Stand(StrEnum):
    """How a patch stands for the one who asks; the value is the title of its column."""

    UNKNOWN = "unknown"
    COLLECTING = "collecting"
    PENDING = "pending"
    HELD = "pending, held by me"
    TAKEN = "pending, held by another"
    VOTED = "pending, approved by me"
    UNBOUND = "pending, without a diff"
    BY_POLICY = "approved by policy"
    BY_PEOPLE = "approved by people"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Author(StrEnum):
    """Whose patch it is."""

    ANOTHER = "another's"
    MINE = "mine"
    NOBODY_KNOWS = "nobody knows whose"


class How(StrEnum):
    """What is special in the question."""

    PLAIN = ""
    GLASS = "with `break_glass`"
    NO_VERSION = "without `If-Match`"
    OTHER_VERSION = "at another version"
    NO_REASON = "without a reason"
    APPROVE = "an item of `approve`"
    REJECT = "an item of `reject`"


Answers = Mapping[Stand, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One question. An answer is the status and what it says: a problem's type, the state afterwards, the gate's reason."""

    route: Route
    answers: Answers
    otherwise: str
    how: How = How.PLAIN
    authors: tuple[Author, ...] = tuple(Author)

    @property
    def roles(self) -> frozenset[Role]:
        """Who is answered this; everybody else 403 not-allowed, however the patch stands and whether there is one."""
        if self.route == APPROVE:
            return frozenset((Role.BREAK_GLASS,)) if self.how is How.GLASS else REVIEWERS
        return PERMISSIONS[self.route]

    def answer(self, stand: Stand) -> str:
        """What is answered of a patch that stands so."""
        return self.answers.get(stand, self.otherwise)


def _when(*stands: Stand, answer: str) -> dict[Stand, str]:
    return dict.fromkeys(stands, answer)


_ONE: Final = "/hitl/patches/{patch_id}"
APPROVE: Final = ("POST", f"{_ONE}/approve")
REJECT: Final = ("POST", f"{_ONE}/reject")
REVOKE: Final = ("POST", f"{_ONE}/revoke")
REOPEN: Final = ("POST", f"{_ONE}/reopen")
TAKE_OVER: Final = ("POST", f"{_ONE}/takeover")
COMMENT: Final = ("POST", f"{_ONE}/comment")
BATCH: Final = ("POST", "/hitl/patches/batch")

_UNKNOWN: Final = _when(Stand.UNKNOWN, answer="404 unknown-patch")
_VOTABLE: Final = (Stand.PENDING, Stand.HELD, Stand.TAKEN)
_PENDING: Final = (*_VOTABLE, Stand.VOTED, Stand.UNBOUND)
_APPROVED: Final = (Stand.BY_POLICY, Stand.BY_PEOPLE)


def _approvals(how: How, author: Author, answer: str, again: str) -> Row:
    """Of a person who has not approved it yet, and of one who has. Without a diff nobody approves."""
    answers = {**_UNKNOWN, **_when(*_VOTABLE, answer=answer), Stand.VOTED: again, Stand.UNBOUND: "409 artefact-unknown"}
    return Row(APPROVE, answers, "409 not-pending", how, (author,))


def _decisions(route: Route, moment: tuple[Stand, ...], done: str, not_now: str) -> tuple[Row, Row]:
    """At the right moment and at any other, for a reason and without one."""
    lacking = "422 invalid-request"
    return (
        Row(route, {**_UNKNOWN, **_when(*moment, answer=done)}, not_now),
        Row(route, {**_UNKNOWN, **_when(*moment, answer=lacking)}, not_now, How.NO_REASON),
    )


# Where nobody knows the author it needs one person more. Breaking the glass lifts the count, and nothing else.
_APPROVALS: Final = (
    _approvals(How.PLAIN, Author.ANOTHER, "200 approved", "409 not-possible"),
    _approvals(How.PLAIN, Author.NOBODY_KNOWS, "200 pending", "409 not-possible"),
    _approvals(How.PLAIN, Author.MINE, "403 not-allowed", "403 not-allowed"),
    _approvals(How.GLASS, Author.ANOTHER, "200 approved", "200 approved"),
    _approvals(How.GLASS, Author.NOBODY_KNOWS, "200 pending", "200 pending"),
    _approvals(How.GLASS, Author.MINE, "403 not-allowed", "403 not-allowed"),
)
_DECISIONS: Final = (
    *_decisions(REJECT, _PENDING, "200 rejected", "409 not-pending"),
    *_decisions(REVOKE, _APPROVED, "200 revoked", "409 not-approved"),
    *_decisions(REOPEN, (Stand.EXPIRED,), "200 pending", "409 not-expired"),
)
_VERSIONS: Final = (
    *(Row(route, _UNKNOWN, "428 version-required", How.NO_VERSION) for route in (APPROVE, REJECT, REVOKE, REOPEN)),
    *(Row(route, _UNKNOWN, "412 stale-version", How.OTHER_VERSION) for route in (APPROVE, REJECT, REVOKE, REOPEN)),
)
# Of many, each is answered as if it were asked alone.
_ITEMS: Final = tuple(
    replace(row, route=BATCH, how=How.APPROVE if row.route == APPROVE else How.REJECT)
    for row in (*_APPROVALS, *_DECISIONS)
    if row.how is How.PLAIN and row.route in (APPROVE, REJECT)
)
_GATE: Final[Answers] = {
    Stand.UNKNOWN: "200 unknown_patch",
    **_when(*_PENDING, answer="200 pending_review"),
    **_when(*_APPROVED, answer="200 approved"),
    **{stand: f"200 {stand}" for stand in (Stand.COLLECTING, Stand.REJECTED, Stand.EXPIRED, Stand.REVOKED)},
}
TABLE: Final[tuple[Row, ...]] = (
    Row(("GET", _ONE), _UNKNOWN, "200"),
    Row(("GET", f"{_ONE}/results"), _UNKNOWN, "200"),
    Row(("GET", f"{_ONE}/artefact"), _UNKNOWN, "200"),
    Row(("GET", f"{_ONE}/gate"), _GATE, "200"),
    *_APPROVALS,
    *_DECISIONS,
    *_VERSIONS,
    *_ITEMS,
    Row(COMMENT, _UNKNOWN, "201"),
    Row(COMMENT, _UNKNOWN, "422 invalid-request", How.NO_REASON),
    Row(
        ("POST", f"{_ONE}/claim"),
        {**_UNKNOWN, **_when(*_PENDING, answer="200"), Stand.TAKEN: "409 not-possible"},
        "409 not-pending",
    ),
    *_decisions(TAKE_OVER, _PENDING, "200", "409 not-pending"),
    Row(("POST", f"{_ONE}/release"), {**_UNKNOWN, Stand.HELD: "200"}, "409 not-possible"),
)

_INTRODUCTION: Final = f"""
# What they are answered

The status and what it says: the type of the problem, the state afterwards, or the gate's reason. Where a field is empty, what
stands under *otherwise* is answered; … stands for `{_ONE}`. Asked at the present version and for a reason, unless the
row says how else. Who has none of the roles gets `403 not-allowed`, however the patch stands and whether there is one; an
approval needs `reviewer`, one with `break_glass` needs `break-glass`. What is critical needs one approval more: until the last
it says `200 pending`, and without a fresh login `401 login-too-old`. A refusal changes nothing.

"""


def to_markdown() -> str:
    """docs/permissions.md: who may ask, and what they are answered."""
    columns = list(_columns())
    titles = ["asked", "whose", *(" / ".join(column) for column in columns), "otherwise"]
    lines = [titles, ["---"] * len(titles)]
    for row, routes in _grouped():
        asked = ", ".join(f"`{method} {path.replace(_ONE, '…')}`" for method, path in routes)
        whose = "whoever's" if row.authors == tuple(Author) else ", ".join(row.authors)
        answers = (row.answers.get(column[0], "") for column in columns)
        lines.append([f"{asked} {row.how}".strip(), whose, *answers, row.otherwise])
    return permission.to_markdown() + _INTRODUCTION + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _grouped() -> Iterator[tuple[Row, list[Route]]]:
    """Neighbours that are answered the same are one row."""
    for _, rows in groupby(TABLE, key=lambda row: (row.how, row.authors, row.answers, row.otherwise)):
        found = list(rows)
        yield found[0], [row.route for row in found]


def _columns() -> Iterator[list[Stand]]:
    """Neighbours of which every row answers the same are one column."""
    column: list[Stand] = []
    for stand in Stand:
        if column and any(row.answer(stand) != row.answer(column[0]) for row in TABLE):
            yield column
            column = []
        column.append(stand)
    yield column
