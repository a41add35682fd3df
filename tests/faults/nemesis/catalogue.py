"""Every kind of fault, by name: those that one broker is enough for, and those that need three."""

from __future__ import annotations

from typing import Final

from tests.faults.nemesis import broker, clock, network, operator, postgres, process, upstream
from tests.faults.nemesis.kind import Kind

FAMILIES: Final = (process, postgres, broker, network, clock, upstream, operator)
REPLICATED: Final[dict[str, Kind]] = {kind.name: kind for kind in broker.REPLICATED_KINDS}
KINDS: Final[dict[str, Kind]] = {kind.name: kind for family in FAMILIES for kind in family.KINDS}
