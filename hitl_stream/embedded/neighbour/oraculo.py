"""Oráculo: finds a vulnerability and emits it as a CVE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hitl_stream.embedded.sample import Sample


@dataclass(frozen=True, slots=True)
class Cve:
    """What Oráculo says of a vulnerability. `apv_id` is the number of the job to mend it."""

    cve_id: str
    apv_id: str
    vulnerability: Mapping[str, Any]


class Oraculo:
    """Emits the vulnerabilities of samples. `stamp` makes the ids of one run different from those of another."""

    def __init__(self, stamp: str) -> None:
        self._stamp = stamp
        self._apv_ids: dict[str, str] = {}
        self._emitted = 0

    def emit(self, sample: Sample, now: datetime) -> Cve:
        """A new vulnerability, or the one of the sample that this one names."""
        apv_id = self._apv_ids.get(sample.apv or "")
        if apv_id is None:
            self._emitted += 1
            apv_id = f"APV-{self._stamp}-{self._emitted:04}"
        if sample.name:
            self._apv_ids[sample.name] = apv_id
        detected = {"detected_at": now.isoformat(timespec="milliseconds")}
        told = {name: value for name, value in {**sample.vulnerability, **detected}.items() if value is not None}
        return Cve(sample.cve, apv_id, told)
