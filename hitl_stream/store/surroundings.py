"""What bears on the verdicts of the patches that a transaction has locked: their evidence, what stands in their way.

Read once after the locks, then kept true in memory while record after record is applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncpg import Connection
from asyncpg import Record as Row

from hitl_stream.contract.decode import result_from_payload, unreadable_result
from hitl_stream.contract.fact import Result
from hitl_stream.errors import BadRecord
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.review.outcome import DEPLOYED
from hitl_stream.review.situation import Situation, Standing
from hitl_stream.review.state import Patch, State, Step
from hitl_stream.store import statement

ROWS_AT_ONCE = 100  # of at most a megabyte
BYTES_MAX = 256 * 1024 * 1024  # of one transaction, unless one patch alone has more: about two seconds of reading


class TooMuchEvidence(Exception):
    """These patches have more evidence than one transaction reads."""


async def lock_patches(conn: Connection, patch_ids: Iterable[str]) -> dict[str, Patch]:
    """Lock the rows in the order of their ids and read them; unknown ids are left out."""
    rows = await conn.fetch(statement.get("lock_patches"), sorted(patch_ids))
    return {row["patch_id"]: read_patch(row) for row in rows}


def read_patch(row: Row | dict[str, Any]) -> Patch:
    """A row of `lock_patches`, or its members, as a Patch."""
    return Patch(**{**dict(row), "state": State(row["state"])})


def _stored_result(row: Row, apv_id: str) -> Result:
    """A row of `round_evidence`. One that an older version accepted and this one does not must not hold anybody up."""
    try:
        return result_from_payload(row["source"], row["event_id"], row["payload"])
    except BadRecord:
        return unreadable_result(
            row["patch_id"], apv_id, row["source"], row["event_id"], row["patch_digest"], row["payload"]
        )


@dataclass(slots=True)
class Surroundings:
    """`now` is the transaction's only time; `auto_approve` is true while neither switch is off."""

    now: datetime
    policy: PolicyDocument
    auto_approve: bool
    _results: dict[str, list[Result]] = field(default_factory=dict)
    _apv_ids: dict[str, set[str]] = field(default_factory=dict)
    _bytes: Counter[str] = field(default_factory=Counter)
    _older_digests: dict[str, dict[bytes, int]] = field(default_factory=dict)
    _deployed: dict[tuple[str, bytes], str] = field(default_factory=dict)
    _rejected_patches: set[str] = field(default_factory=set)
    _rejected_apvs: set[str] = field(default_factory=set)
    _rejected_digests: set[bytes] = field(default_factory=set)
    _approved: dict[str, set[str]] = field(default_factory=dict)

    async def read(
        self, conn: Connection, patches: Mapping[str, Patch], apv_ids: Iterable[str], digests: Iterable[bytes]
    ) -> None:
        """Read what bears on these locked patches, and on patches of these apv ids and digests that are new.

        Raises TooMuchEvidence: then ask for fewer.
        """
        if patches:
            await self._read_rounds(conn, patches)
        wanted_apvs = {*apv_ids, *(p.apv_id for p in patches.values())}.union(*self._apv_ids.values())
        wanted_digests = {*digests, *(p.patch_digest for p in patches.values() if p.patch_digest is not None)}
        for row in await conn.fetch(statement.get("standing"), list(wanted_apvs), list(wanted_digests)):
            self._note_standing(row)

    async def _read_rounds(self, conn: Connection, patches: Mapping[str, Patch]) -> None:
        live = [p for p in patches.values() if p.state not in (State.REJECTED, State.REVOKED)]
        read = 0
        asked = [p.patch_id for p in live], [p.round for p in live]
        async for row in conn.cursor(statement.get("round_evidence"), *asked, prefetch=ROWS_AT_ONCE):
            if row["payload"] is None:
                continue
            patch_id = row["patch_id"]
            stored = _stored_result(row, patches[patch_id].apv_id)
            self._results.setdefault(patch_id, []).append(stored)
            self._apv_ids.setdefault(patch_id, set()).add(stored.apv_id)
            read += len(stored.payload)
            self._bytes[patch_id] += len(stored.payload)
            stored.payload = b""  # what it says is known
            if read > BYTES_MAX and len(live) > 1:
                raise TooMuchEvidence
        later = [p.patch_id for p in patches.values() if p.round > 1]
        if later:
            for row in await conn.fetch(statement.get("older_digests"), later):
                self._older_digests.setdefault(row["patch_id"], {})[row["patch_digest"]] = row["round"]
        approved = [p.patch_id for p in live if p.state is State.APPROVED]
        if approved:
            for row in await conn.fetch(statement.get("latest_outcomes"), approved):
                if row["patch_digest"] is not None:
                    self._deployed[row["patch_id"], row["patch_digest"]] = DEPLOYED[row["outcome"]]

    def _note_standing(self, row: Row) -> None:
        if row["kind"] == "approved":
            self._approved.setdefault(row["apv_id"], set()).add(row["patch_id"])
            return
        self._rejected_patches.add(row["patch_id"])
        if row["apv_id"] is not None:
            self._rejected_apvs.add(row["apv_id"])
        if row["patch_digest"] is not None:
            self._rejected_digests.add(row["patch_digest"])

    def of_new(self, result: Result, home: int) -> Situation:
        """The situation of a patch that its first result opens on this partition."""
        standing = self._standing(result.patch_id, (result.apv_id,), result.patch_digest)
        return Situation(self.policy, self.now, self.auto_approve, home, standing=standing)

    def of(self, patch: Patch, result: Result | None = None) -> Situation:
        """The situation of a known patch, for a new result or for none.

        Whatever apv_id any of its results names counts; a result without a diff is about the round's.
        """
        apv_ids = {patch.apv_id, *self._apv_ids.get(patch.patch_id, ())}
        digest = patch.patch_digest
        if result is not None:
            apv_ids.add(result.apv_id)
            digest = result.patch_digest or digest
        return Situation(
            policy=self.policy,
            now=self.now,
            auto_approve=self.auto_approve,
            home=patch.home,
            results=self._results.get(patch.patch_id, ()),
            results_bytes=self._bytes[patch.patch_id],
            older_digests=self._older_digests.get(patch.patch_id),
            standing=self._standing(patch.patch_id, apv_ids, digest),
            deployed=self._deployed.get((patch.patch_id, patch.patch_digest or b""), "unknown"),
        )

    def _standing(self, patch_id: str, apv_ids: Collection[str], digest: bytes | None) -> Standing:
        rejection = None
        if patch_id in self._rejected_patches:
            rejection = "patch"
        elif digest in self._rejected_digests:
            rejection = "digest"
        elif not self._rejected_apvs.isdisjoint(apv_ids):
            rejection = "apv"
        sibling = None
        for apv_id in apv_ids:
            for approved in self._approved.get(apv_id, ()):
                if approved != patch_id and (sibling is None or approved < sibling):
                    sibling = approved
        return Standing(rejection, sibling)

    def follow(self, step: Step, result: Result) -> None:
        """Bring what the next record of this transaction will look at up to date."""
        patch = step.patch
        if patch is None:
            return
        if step.closed:
            self._results[patch.patch_id] = [result]
            self._apv_ids[patch.patch_id] = {result.apv_id}
            self._bytes[patch.patch_id] = len(result.payload)
            for closed in step.closed:
                if closed.patch.patch_digest is not None:
                    self._older_digests.setdefault(patch.patch_id, {})[closed.patch.patch_digest] = closed.patch.round
        elif step.round == patch.round:
            self._results.setdefault(patch.patch_id, []).append(result)
            self._apv_ids.setdefault(patch.patch_id, set()).add(result.apv_id)
            self._bytes[patch.patch_id] += len(result.payload)
        self._follow_standing(step, patch, result)

    def _follow_standing(self, step: Step, patch: Patch, result: Result) -> None:
        if patch.state is State.APPROVED:
            for apv_id in {patch.apv_id, result.apv_id, *self._apv_ids.get(patch.patch_id, ())}:
                self._approved.setdefault(apv_id, set()).add(patch.patch_id)
        elif any(decision.decision == "revoked" for decision in step.decisions):
            for approved in self._approved.values():
                approved.discard(patch.patch_id)
        if patch.patch_id in self._rejected_patches:
            self._rejected_apvs.add(result.apv_id)
