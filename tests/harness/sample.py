"""The samples of schemas/samples as records: what the index says of each, and its bytes with large parts filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hitl_stream.contract import topics
from hitl_stream.contract.record import StoredRecord

FOLDER = Path(__file__).parents[2] / "schemas" / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample; `about` is its entry in the index, `topic` a logical name."""

    name: str
    topic: str
    about: dict[str, Any]
    value: bytes | None

    @property
    def structured(self) -> bool:
        """Whether the value is the whole event."""
        return "headers" not in self.about

    def record(self) -> StoredRecord:
        """The sample as it would be consumed."""
        headers = self.about.get("headers", {"content-type": "application/cloudevents+json"})
        return StoredRecord(
            topic=topics.load().physical(self.topic),
            partition=0,
            offset=0,
            timestamp=1_793_615_504_000,
            key=self._key(),
            value=self.value,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )

    def _key(self) -> bytes | None:
        """The patch id, where one can be read, as a well-meaning producer would set it."""
        if "key" in self.about:
            return str(self.about["key"]).encode()
        try:
            content = json.loads(self.value or b"")
            patch_id = (content["data"] if self.structured else content)["patch_id"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        return patch_id.encode("utf-8", "replace") if isinstance(patch_id, str) else None


def read(kind: str) -> dict[str, Sample]:
    """All good or all bad samples, by name."""
    index = yaml.safe_load((FOLDER / "index.yaml").read_text(encoding="utf-8"))
    return {name: _sample(kind, name, about) for name, about in index[kind].items()}


def _sample(kind: str, name: str, about: dict[str, Any]) -> Sample:
    value = None if "value" in about else (FOLDER / kind / name).read_bytes()
    for marker, (text, times) in about.get("fill", {}).items():
        assert value is not None
        value = value.replace(f"@@{marker}@@".encode(), text.encode() * times)
    return Sample(name, about["topic"], about, value)
