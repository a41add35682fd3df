"""Plays samples through the neighbours: Oráculo emits, Eureka patches, the wargame publishes, now and then a person decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Event as Flag

from hitl_stream.embedded.happening import Happening
from hitl_stream.embedded.neighbour import eureka, reviewer
from hitl_stream.embedded.neighbour.event import Event
from hitl_stream.embedded.neighbour.oraculo import Oraculo
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.embedded.sample import Sample, Step
from hitl_stream.errors import HitlError

WAIT_S = 20.0

Tell = Callable[[str, str, str], None]


class Storyteller:
    """Tells samples one after the other. `tell` gets (what happened, patch id, more)."""

    def __init__(
        self, stamp: str, wargame: Wargame, reviewers: Sequence[Sidecar], happening: Happening, tell: Tell
    ) -> None:
        self._stamp = stamp
        self._oraculo = Oraculo(stamp)
        self._wargame = wargame
        self._reviewers = reviewers
        self._happening = happening
        self._tell = tell
        self._told = 0

    def run(self, samples: Iterable[Sample], rate: float, stop: Flag) -> int:
        """Tell `rate` samples a second, until there are no more or `stop` is set. Returns how many were told."""
        for sample in samples:
            if stop.is_set():
                break
            self.tell(sample)
            stop.wait(1 / rate)
        return self._told

    def tell(self, sample: Sample) -> eureka.Patch:
        """Tell one sample with all its steps; a neighbour that does not answer ends this one, not the story."""
        self._told += 1
        cve = self._oraculo.emit(sample, datetime.now(UTC))
        patch = eureka.make_patch(cve, sample, self._told, self._stamp)
        if sample.shows:
            self._tell("story", patch.patch_id, sample.shows)
        last: Event | None = None
        try:
            for step in sample.steps:
                last = self._do(step, sample, patch, last)
        except HitlError as failure:
            self._tell("failed", patch.patch_id, str(failure))
        return patch

    def _do(self, step: Step, sample: Sample, patch: eureka.Patch, last: Event | None) -> Event | None:
        ((kind, value),) = step.items()
        match kind:
            case "result":
                return self._wargame.fight(patch, value, sample.source)
            case "duplicate" if last is not None:
                self._wargame.repeat(last)
            case "conflict" if last is not None:
                self._wargame.contradict(last, value)
            case "raw":
                self._wargame.publish_raw(patch, value.encode())
            case "wait":
                if not self._happening.wait(value, patch.patch_id, WAIT_S):
                    self._tell("failed", patch.patch_id, f"not {value} within {WAIT_S:.0f} s")
            case "person":
                reviewer.decide(self._reviewers, patch.patch_id, value)
            case _:
                raise ValueError(f"sample {sample.name}: unknown step {kind}")
        return last
