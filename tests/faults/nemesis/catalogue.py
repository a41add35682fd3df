"""Every kind of fault, by name."""

from __future__ import annotations

from typing import Final

from tests.faults.nemesis import broker, clock, network, operator, postgres, process, topic, upstream
from tests.faults.nemesis.kind import Kind

FAMILIES: Final = (process, postgres, broker, network, clock, upstream, topic, operator)
KINDS: Final[dict[str, Kind]] = {kind.name: kind for family in FAMILIES for kind in family.KINDS}
