"""What an agent is handed: the records that one fetch found in one partition, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hitl_stream.contract.record import Record
from hitl_stream.store.position import Claim

Place = tuple[str, int]
RECORDS_MAX = 1_000
LIST_BYTES_MAX = 16 * 1024 * 1024  # what unfolds from one fetch may be a hundred times as much


@dataclass(slots=True, eq=False)
class RecordList:
    """Records of one partition, in order, fetched under `claim`.

    `first_offset` is the consumer's position before them and `next_offset` the one after. Offsets have gaps, so neither
    follows from the records; a list may even be empty, when only control records or aborted ones were passed. `size` is
    the bytes that the records take.
    """

    claim: Claim
    first_offset: int
    next_offset: int
    records: Sequence[Record]
    size: int = 0

    @property
    def place(self) -> Place:
        """Topic and partition."""
        return self.claim.topic, self.claim.partition

    @property
    def oldest_ms(self) -> int | None:
        """The time of its first record, in ms since the epoch."""
        return self.records[0].timestamp if self.records else None
