"""A broker inside this process: the one built into librdkafka, reached through its public C functions.

Speaks Kafka's protocol on loopback, keeps about 5 MB per partition in memory and forgets all of it at the end. It cannot
create topics on request: they are made here, before any client comes. For trying out and for fast tests only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hitl_stream.contract.topics import Topic
from hitl_stream.errors import Fatal

BROKER_ID = 1
_PRODUCER: Final = 0
_ERROR_BYTES: Final = 512
_CONFIGURATION = {"client.id": "embedded-broker", "log_level": "2"}


class Kafka:
    """One broker with the given topics. Its cluster id is new at each start, because its log is."""

    def __init__(self, topics: Iterable[Topic] = ()) -> None:
        self._topics = tuple(topics)
        self._library = _Library()
        self._client: int | None = None
        self._cluster: int | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect. Raises Fatal before `start`."""
        return str(self._library.bootstraps(self._running()).decode())

    def start(self) -> Self:
        """Listen, and make the topics. Raises Fatal."""
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        configuration = self._library.conf_new()
        for name, value in _CONFIGURATION.items():
            if self._library.conf_set(configuration, name.encode(), value.encode(), error, _ERROR_BYTES):
                raise Fatal(f"librdkafka refuses {name}={value}: {error.value.decode()}")
        self._client = self._library.new(_PRODUCER, configuration, error, _ERROR_BYTES)  # takes the configuration over
        if not self._client:
            raise Fatal(f"librdkafka does not start: {error.value.decode()}")
        self._cluster = self._library.cluster_new(self._client, 1)
        if not self._cluster:
            self.stop()
            raise Fatal("librdkafka's built-in broker does not start")
        for topic in self._topics:
            self.create(topic.name, topic.partitions)
        return self

    def create(self, name: str, partitions: int) -> None:
        """Make one topic; a client that asks for an unknown one would get it with four partitions. Raises Fatal."""
        code = self._library.topic_create(self._running(), name.encode(), partitions, 1)
        if code:
            raise Fatal(f"the embedded broker refuses topic {name}: {self._library.error_name(code).decode()}")

    def set_down(self) -> None:
        """Close all connections and take no new ones, as a broker that died. Data are kept."""
        self._library.set_down(self._running(), BROKER_ID)

    def set_up(self) -> None:
        """Take connections again."""
        self._library.set_up(self._running(), BROKER_ID)

    def stop(self) -> None:
        """End the broker and forget everything. Doing so twice is harmless."""
        if self._cluster:
            self._library.cluster_destroy(self._cluster)
            self._cluster = None
        if self._client:
            self._library.destroy(self._client)
            self._client = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> int:
        if self._cluster is None:
            raise Fatal("the embedded broker is not running")
        return self._cluster


class _Library:
    """The functions of librdkafka that are needed, with their types (rdkafka.h, rdkafka_mock.h)."""

    def __init__(self) -> None:
        library = ctypes.CDLL(str(_library_path()))
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int

        def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
            return ctypes.CFUNCTYPE(result, *arguments)((f"rd_kafka_{name}", library))

        self.conf_new = function("conf_new", pointer)
        self.conf_set = function("conf_set", number, pointer, text, text, text, ctypes.c_size_t)
        self.new = function("new", pointer, number, pointer, text, ctypes.c_size_t)
        self.destroy = function("destroy", None, pointer)
        self.error_name = function("err2name", text, number)
        self.cluster_new = function("mock_cluster_new", pointer, pointer, number)
        self.cluster_destroy = function("mock_cluster_destroy", None, pointer)
        self.bootstraps = function("mock_cluster_bootstraps", text, pointer)
        self.topic_create = function("mock_topic_create", number, pointer, text, number, number)
        self.set_down = function("mock_broker_set_down", number, pointer, ctypes.c_int32)
        self.set_up = function("mock_broker_set_up", number, pointer, ctypes.c_int32)


def _library_path() -> Path:
    """The library inside the wheel of confluent-kafka, where the wheel tools of each platform put it. Raises Fatal."""
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise Fatal("confluent-kafka is not installed")
    package = Path(spec.origin).parent
    places = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    found = sorted(path for place in places for path in place.glob("librdkafka*"))
    if not found:
        raise Fatal(f"no librdkafka beside {package}: the embedded broker needs the wheel of confluent-kafka")
    return found[0]
