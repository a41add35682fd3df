"""Questions and orders to a broker's administration. Blocking: call it from a thread where a loop runs.

Only declared configuration keys are ever set (IncrementalAlterConfigs); nothing here can delete. A broker that does not
answer is Unavailable. The broker inside librdkafka (tests, demo) answers metadata and offsets only.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.topology import ActualTopic, Change, Configure, Create, Grow
from hitl_stream.errors import HitlError, Unavailable

TIMEOUT_S = 10.0
SETTLE_TIMEOUT_S = 30.0
MOCK_CLUSTER = "mockCluster"  # how librdkafka's built-in broker names its cluster
_NOT_YET = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._NOENT,
)


class AdminRefused(HitlError):
    """The broker refused an administrative request."""


class AlreadyExists(AdminRefused):
    """The topic was created by somebody else meanwhile."""


class UnknownTopic(AdminRefused):
    """The broker that was asked does not know the topic; another one may."""


class _Complaint:
    """The last thing that a client complained about, which says more than the time-out that follows."""

    def __init__(self) -> None:
        self.text = ""

    def hear(self, error: KafkaError) -> None:
        """Called by the client."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # follows every other complaint and says nothing
            self.text = error.str()


class _Session:
    """One client, for as long as somebody holds this: its threads and connections end with it.

    The client must know nothing that knows the session, or both stay until the garbage collector comes by.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._complaint = _Complaint()
        self._where = connection.bootstrap_servers
        settings: dict[str, Any] = {**connection.confluent(), "error_cb": self._complaint.hear, "log_level": 2}
        self.client = AdminClient(settings)

    def metadata(self) -> Any:
        """All topics; asking for one by name could create it."""
        try:
            return self.client.list_topics(timeout=TIMEOUT_S)
        except KafkaException as error:
            raise self.failure(error) from error

    def answer(self, future: Future[Any]) -> Any:
        """Wait for one answer. Raises Unavailable or AdminRefused."""
        try:
            return future.result()
        except KafkaException as error:
            raise self.failure(error) from error

    def failure(self, error: KafkaException) -> HitlError:
        """The error of ours that fits."""
        cause: KafkaError = error.args[0]
        self.client.poll(0)  # complaints are only heard here
        if cause.code() < 0 or cause.retriable():  # below zero: librdkafka's own, the broker never answered
            return Unavailable(f"Kafka at {self._where}: {self._complaint.text or cause.str()}")
        if cause.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return AlreadyExists()
        if cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return UnknownTopic(cause.str())
        return AdminRefused(cause.str())


def cluster_id(connection: KafkaConnection) -> str:
    """The id that the cluster was formatted with. Raises Unavailable."""
    return str(_Session(connection).metadata().cluster_id)


def is_mock(cluster: str) -> bool:
    """Whether a cluster id is that of the broker inside librdkafka, which cannot be administered."""
    return cluster.startswith(MOCK_CLUSTER)


def partition_counts(connection: KafkaConnection, names: Iterable[str]) -> dict[str, int]:
    """Partitions by topic; a topic that is missing, or that we may not see, is left out. Raises Unavailable."""
    found = _Session(connection).metadata().topics
    return {name: len(found[name].partitions) for name in names if name in found}


def topic_ids(connection: KafkaConnection, names: Iterable[str]) -> dict[str, str | None]:
    """The ids that Kafka gave the topics when they were created; None from a broker that keeps none.

    A topic that is missing is left out. Raises Unavailable, AdminRefused.
    """
    session = _Session(connection)
    wanted = list(names)
    metadata = session.metadata()
    existing = [name for name in wanted if name in metadata.topics]
    if is_mock(str(metadata.cluster_id)):
        return dict.fromkeys(existing)
    if not existing:
        return {}
    answers = session.client.describe_topics(TopicCollection(existing), request_timeout=TIMEOUT_S)
    return {name: _spelled(str(session.answer(future).topic_id)) for name, future in answers.items()}


def _spelled(topic_id: str) -> str:
    """librdkafka's base64 in the URL-safe alphabet that Kafka's own tools print."""
    return topic_id.replace("+", "-").replace("/", "_")


def watermarks(connection: KafkaConnection, names: Iterable[str]) -> dict[str, dict[int, tuple[int, int]]]:
    """First offset kept and next offset written, by topic and partition; missing topics are left out.

    Offsets beyond an open transaction are counted in. Raises Unavailable when a partition stays without a leader.
    """
    session = _Session(connection)
    found = session.metadata().topics
    places = [TopicPartition(name, number) for name in names if name in found for number in found[name].partitions]
    if not places:
        return {}
    low = _offsets(session, places, OffsetSpec.earliest())
    high = _offsets(session, places, OffsetSpec.latest())
    ends: dict[str, dict[int, tuple[int, int]]] = {}
    for name, number in low:
        ends.setdefault(name, {})[number] = (low[name, number], high[name, number])
    return ends


def newest_record_times(connection: KafkaConnection, names: Iterable[str]) -> dict[str, float]:
    """The latest time on any record, in seconds since 1970, by topic; topics without a record are left out.

    It is the producers' time unless the topic is set to LogAppendTime. Raises Unavailable, AdminRefused.
    """
    session = _Session(connection)
    found = session.metadata().topics
    places = [TopicPartition(name, number) for name in names if name in found for number in found[name].partitions]
    if not places:
        return {}
    answers = session.client.list_offsets(dict.fromkeys(places, OffsetSpec.max_timestamp()), request_timeout=TIMEOUT_S)
    newest: dict[str, float] = {}
    for place, future in answers.items():
        milliseconds = session.answer(future).timestamp
        if milliseconds >= 0:
            newest[place.topic] = max(newest.get(place.topic, 0.0), milliseconds / 1000)
    return newest


def _offsets(session: _Session, places: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    """One offset per partition, asked again while a partition has no leader yet."""
    found: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        missing = [place for place in places if (place.topic, place.partition) not in found]
        answers = session.client.list_offsets(dict.fromkeys(missing, spec), request_timeout=TIMEOUT_S)
        failed = None
        for place, future in answers.items():
            try:
                found[place.topic, place.partition] = future.result().offset
            except KafkaException as error:
                if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                    raise session.failure(error) from error
                failed = error
        if failed is None:
            return found
        time.sleep(0.05)


def describe(connection: KafkaConnection, names: Collection[str]) -> dict[str, ActualTopic]:
    """The topics as the broker has them; missing ones are left out. Raises Unavailable, AdminRefused.

    What one broker of a cluster lists, another may hear of a moment later; and what is deleted meanwhile is listed no more.
    """
    session = _Session(connection)
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        try:
            return _describe(session, names)
        except UnknownTopic:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _describe(session: _Session, names: Collection[str]) -> dict[str, ActualTopic]:
    metadata = session.metadata()
    if is_mock(str(metadata.cluster_id)):
        raise AdminRefused("this is the broker built into librdkafka: its topics cannot be administered")
    existing = [name for name in names if name in metadata.topics]
    if not existing:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in existing]
    answers = session.client.describe_configs(resources, request_timeout=TIMEOUT_S)
    return {
        resource.name: ActualTopic(
            name=resource.name,
            partitions=len(metadata.topics[resource.name].partitions),
            replicas=min(len(p.replicas) for p in metadata.topics[resource.name].partitions.values()),
            config={key: entry.value for key, entry in session.answer(future).items()},
        )
        for resource, future in answers.items()
    }


def carry_out(
    connection: KafkaConnection, changes: Sequence[Change], *, dry_run: bool = False
) -> list[tuple[Change, str]]:
    """Do what a plan says, or with `dry_run` only have the broker check it. Returns what the broker refused, with why.

    A topic that somebody else created meanwhile counts as created. Raises Unavailable.
    """
    session = _Session(connection)
    refused = []
    for change in changes:
        try:
            session.answer(_request(session.client, change, dry_run))
        except AlreadyExists:
            continue
        except AdminRefused as error:
            refused.append((change, str(error)))
    if not dry_run:
        failed = [change for change, _ in refused]
        _wait_until_visible(session, [change for change in changes if change not in failed])
    return refused


def _request(client: AdminClient, change: Change, dry_run: bool) -> Future[Any]:
    limits: dict[str, Any] = {"request_timeout": TIMEOUT_S, "validate_only": dry_run}
    match change:
        case Create(topic):
            new = NewTopic(topic.name, topic.partitions, topic.replicas, config=dict(topic.config))
            answers: Mapping[Any, Future[Any]] = client.create_topics([new], **limits)
        case Grow(topic):
            answers = client.create_partitions([NewPartitions(topic.name, topic.partitions)], **limits)
        case Configure(topic, key, _, after):
            entry = ConfigEntry(key, after, incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
            answers = client.incremental_alter_configs([resource], **limits)
    return next(iter(answers.values()))


def _wait_until_visible(session: _Session, changes: Iterable[Change]) -> None:
    """Wait until what was created or grown is listed. Raises Unavailable after 30 s.

    The controller answers before the brokers know; whoever asks right after sees the old state.
    """
    wanted = {change.topic.name: change.topic.partitions for change in changes if not isinstance(change, Configure)}
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while wanted:
        listed = session.metadata().topics
        if all(name in listed and len(listed[name].partitions) >= count for name, count in wanted.items()):
            return
        if time.monotonic() > deadline:
            raise Unavailable("the broker accepted the topics but does not list them")
        time.sleep(0.05)
