"""Faults of the input topics: retention overtakes the recorded position, a topic is deleted and made anew.

The workers must refuse to go on, because nothing else would say that records are gone; an operator looks, and says from where.
What was recorded of the lost topic is kept for the judge; what was not recorded need never be.
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
REFUSED_S: Final = 60.0
RESULTS: Final = 60
REFUSAL: Final = "positions adopt"


def overtake(episode: Episode) -> Bite:
    """Everything that lies on a topic is deleted, recorded or not, as by a retention that is too short; nobody is there."""
    topic = episode.rng.choice(INPUT_TOPICS)
    for worker in episode.workers:
        worker.stop()
    ends, bite = _leave_unrecorded(episode, topic)
    _delete_records(episode, topic, ends)
    return bite if _refuse(episode, topic, starting=True) else Bite()


def overtake_while_reading(episode: Episode) -> Bite:
    """The same of workers who stand still for a moment, and go on."""
    topic = episode.rng.choice(INPUT_TOPICS)
    for worker in episode.workers:
        worker.freeze()
    try:
        ends, bite = _leave_unrecorded(episode, topic, are_reading=True)
        _delete_records(episode, topic, ends)
    finally:
        for worker in episode.workers:
            worker.thaw()
    return bite if _refuse(episode, topic, starting=False) else Bite()


def recreate(episode: Episode) -> Bite:
    """Deleted, made anew, and filled beyond the recorded position: only the identity of the topic tells."""
    topic = episode.rng.choice(INPUT_TOPICS)
    for worker in episode.workers:
        worker.stop()
    ends, bite = _leave_unrecorded(episode, topic)
    positions = episode.witness.positions()
    admin = AdminClient({"bootstrap.servers": episode.stage.servers, "log_level": 0})
    admin.delete_topics([topic], operation_timeout=ANSWER_S)[topic].result()
    episode.until(lambda: topic not in admin.list_topics(timeout=ANSWER_S).topics, ANSWER_S)
    episode.command("topics", "apply", "--environment", "local")
    _fill(episode, topic, ends)
    _delete_records(episode, topic, {partition: positions.get((topic, partition), 0) for partition in ends})
    return bite if _refuse(episode, topic, starting=True) else Bite()


def _leave_unrecorded(episode: Episode, topic: str, *, are_reading: bool = False) -> tuple[Mapping[int, int], Bite]:
    """Send some more; where each partition ends then, and how much of it nobody has recorded.

    Those who are reading may have fetched some of it, and record that yet.
    """
    episode.all_sent()
    upstream = episode.upstream()
    upstream.send(episode.plan(RESULTS, part=len(episode.upstreams)))
    upstream.finish()
    positions = episode.witness.positions()
    ends = {partition: episode.witness.end(topic, partition) for partition in range(episode.stage.partitions)}
    found, _ = snapshot.read_topics(episode.stage.servers, [topic])
    lost = {record.place for record in found if record.offset >= positions.get((topic, record.partition), 0)}
    episode.gone += [record for record in found if are_reading or record.place not in lost]
    episode.lost |= lost
    return ends, Bite(unrecorded=len(lost))


def _fill(episode: Episode, topic: str, ends: Mapping[int, int]) -> None:
    """Nothing that anybody can use, up to where the topic once ended."""
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


def _refuse(episode: Episode, topic: str, *, starting: bool) -> bool:
    """Let the workers find out; once one has refused to go on, adopt the topic. Nobody may begin without that."""
    told = {worker.name: worker.log.stat().st_size for worker in episode.workers}
    if starting:
        episode.workers[0].start()

    def refused() -> bool:
        return any(not one.is_alive and REFUSAL in one.said(told[one.name]) for one in episode.workers)

    has_refused = episode.until(refused, REFUSED_S)
    if not has_refused:
        episode.failures.append(f"nobody refused to go on with {topic}, of which records are gone")
    for worker in episode.workers:
        worker.kill()
    episode.command("positions", "adopt", topic, "--reason", "campaign")
    for worker in episode.workers:
        worker.start()
    return has_refused


KINDS: Final = (
    Kind("retention overtakes the position", overtake),
    Kind("retention overtakes a reader", overtake_while_reading),
    Kind("topic recreated", recreate),
)
