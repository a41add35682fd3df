"""Who there is, what they may do, and under which names they write patches."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.faults.upstream.event import ANN_AS_AUTHOR


class Person(NamedTuple):
    """Each is alone in a group, so that a role can be taken away from one of them."""

    name: str
    roles: tuple[str, ...]

    @property
    def group(self) -> str:
        return f"team-{self.name}"


ANN, BOB, CLEO = (Person(name, ("reviewer",)) for name in ("ann", "bob", "cleo"))
DAN = Person("dan", ("reviewer", "break-glass"))
EVE = Person("eve", ("viewer",))  # tries what she may not do
FAY = Person("fay", ("reviewer",))  # her role comes and goes
GATE = Person("eureka-gate", ("gate",))
REVIEWING: Final = (ANN, BOB, CLEO, DAN, EVE, FAY)
PEOPLE: Final = (*REVIEWING, GATE)

# Whose patches whose are, as operators told the system: by the source of results and the author that they name.
AUTHORS: Final = {("/wargaming/*", ANN_AS_AUTHOR): ANN.name}
