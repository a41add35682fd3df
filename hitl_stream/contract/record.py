"""A record: what Kafka hands over, whichever client fetched it (aiokafka's ConsumerRecord fits as it is)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Record(Protocol):
    """One record of a topic. `timestamp` is in ms since the epoch, `headers` keeps repeated names and their order;
    the value of a Kafka header may be null."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class StoredRecord(NamedTuple):
    """A record made by hand: replayed dead letters, sample traffic, tests."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class UnreadableRecord(NamedTuple):
    """What could not be read from the broker: the bytes that are there, and why nobody can decode them."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    reason: str


class Message(NamedTuple):
    """One message to be published, by logical topic name (see topics.yaml)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
