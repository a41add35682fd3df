"""What a kind of fault is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.stage import Setting
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode


class Kind(NamedTuple):
    """`strike` does it to an episode in full flow, undoes it, and says what was under way at its instant."""

    name: str
    strike: Callable[[Episode], Bite]
    setting: Setting = Setting.USUAL
