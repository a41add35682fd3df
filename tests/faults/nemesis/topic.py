"""Faults of the input topics: retention overtakes the recorded position, a topic is deleted and made anew.

The workers must refuse to go on, because nothing else would say that records are gone; an operator looks, and says from where.
What was recorded of the lost topic is kept for the judge; what was not recorded can never be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.judge import snapshot
from tests.faults.judge.snapshot import INPUT_TOPICS
from tests.faults.nemesis.kind import Kind
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

ANSWER_S: Final = 30.0
REFUSED_S: Final = 40.0
RESULTS: Final = 60
REFUSAL: Final = "positions adopt"


def overtake(episode: Episode) -> Bite:
    """Everything that lies on a topic is deleted, recorded or not, as by a retention that is too short."""
    topic = episode.rng.choice(INPUT_TOPICS)
    ends, bite = _leave_unrecorded(episode, topic)
    _delete_records(episode, topic, ends)
    return bite if _go_on(episode, topic) else Bite()


def recreate(episode: Episode) -> Bite:
    """Deleted, made anew, and filled beyond the recorded position: only the identity of the topic tells."""
    topic = episode.rng.choice(INPUT_TOPICS)
    ends, bite = _leave_unrecorded(episode, topic)
    admin = AdminClient({"bootstrap.servers": episode.stage.servers, "log_level": 0})
    admin.delete_topics([topic], operation_timeout=ANSWER_S)[topic].result()
    episode.until(lambda: topic not in admin.list_topics(timeout=ANSWER_S).topics, ANSWER_S)
    episode.command("topics", "apply", "--environment", "local")
    _fill(episode, topic, ends)
    _delete_records(episode, topic, ends)
    return bite if _go_on(episode, topic) else Bite()


def _leave_unrecorded(episode: Episode, topic: str) -> tuple[Mapping[int, int], Bite]:
    """End the workers and send some more; where each partition ends then, and how much of it nobody will ever record."""
    for worker in episode.workers:
        worker.stop()
    episode.all_sent()
    upstream = episode.upstream()
    partitions = episode.stage.partitions
    upstream.send(episode.plan(RESULTS, part=len(episode.upstreams)))
    upstream.finish()
    positions = episode.witness.positions()
    ends = {partition: episode.witness.end(topic, partition) for partition in range(partitions)}
    found, _ = snapshot.read_topics(episode.stage.servers, [topic])
    recorded = [record for record in found if record.offset < positions.get((topic, record.partition), 0)]
    episode.gone += recorded
    lost = {record.place for record in found} - {record.place for record in recorded}
    episode.lost |= lost
    return ends, Bite(unrecorded=len(lost))


def _fill(episode: Episode, topic: str, ends: Mapping[int, int]) -> None:
    """Records without content up to where the topic once ended; they are deleted before anybody reads them."""
    producer = Producer({"bootstrap.servers": episode.stage.servers, "log_level": 0})
    for partition, end in ends.items():
        for _ in range(end):
            producer.produce(topic, b"filler", partition=partition)
            producer.poll(0)
        producer.flush(ANSWER_S)


def _delete_records(episode: Episode, topic: str, ends: Mapping[int, int]) -> None:
    admin = AdminClient({"bootstrap.servers": episode.stage.servers, "log_level": 0})
    places = [TopicPartition(topic, partition, end) for partition, end in ends.items()]
    for deleted in admin.delete_records(places, operation_timeout=ANSWER_S).values():
        deleted.result()


def _go_on(episode: Episode, topic: str) -> bool:
    """Let the workers find out, and once one has refused adopt the topic. Nobody may begin without that."""
    first = episode.workers[0]
    told = first.log.stat().st_size
    first.start()
    refused = episode.until(lambda: not first.is_alive, REFUSED_S) and REFUSAL in first.said(told)
    if not refused:
        episode.failures.append(f"{first.name} went on with {topic}, of which records are gone")
    first.kill()
    episode.command("positions", "adopt", topic, "--reason", "campaign")
    for worker in episode.workers:
        worker.start()
    return refused


KINDS: Final = (Kind("retention overtakes the position", overtake), Kind("topic recreated", recreate))
