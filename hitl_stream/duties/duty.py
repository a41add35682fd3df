"""A duty: something that has to be done again and again, a transaction at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hitl_stream.store.database import Connection

Work = Callable[[Connection], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Duty:
    """`work` does one transaction's share and says whether there is more; all of it together may take `deadline_s`.

    It is begun every `every_s`; whoever is overdue by several periods is what the metric of its last success shows.
    """

    name: str
    every_s: float
    deadline_s: float
    work: Work
