"""What operators do while everything runs: a role taken away and given back, the kill switch, offsets of the group reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.crew.people import FAY
from tests.faults.judge.snapshot import INPUT_TOPICS
from tests.faults.nemesis.kind import Kind
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

ROLE: Final = "reviewer"
TIMES, GONE_S, THERE_S = 12, 0.15, 0.35
GROUP: Final = "hitl-stream"
EMPTY_S: Final = 30.0


def take_role_away(episode: Episode) -> Bite:
    """Of somebody who decides at this moment: when that is answered, nothing is decided by it any more."""
    bite = Bite()
    for _ in range(TIMES):
        episode.until(lambda: episode.crew.open_requests(who=FAY.name) > 0)
        bite = Bite(open_requests=max(bite.open_requests, episode.crew.open_requests(who=FAY.name)))
        episode.witness.ask("DELETE FROM access_group_role WHERE group_name = $1 AND role = $2", FAY.group, ROLE)
        episode.journal.write("role_gone", who=FAY.name, role=ROLE)
        episode.pause(GONE_S)
        episode.journal.write("role_asked_for", who=FAY.name, role=ROLE)
        episode.witness.ask(
            "INSERT INTO access_group_role (group_name, role, granted_by) VALUES ($1, $2, 'campaign')", FAY.group, ROLE
        )
        episode.pause(THERE_S)
    return bite


def throw_the_switch(episode: Episode) -> Bite:
    """Nothing is approved by policy between its being off and its being asked to be on."""
    episode.journal.write("switch", asked="off")
    episode.command("policy", "auto-approve", "off", "--reason", "campaign")
    episode.journal.write("switch", now="off")
    bite = episode.unrecorded()  # of which nothing may be approved now
    episode.pause(1.0)
    episode.journal.write("switch", asked="on")
    episode.command("policy", "auto-approve", "on", "--reason", "campaign")
    episode.journal.write("switch", now="on")
    return bite


def reset_offsets(episode: Episode) -> Bite:
    """With the workers down the group is sent back to the beginning, or to the end: positions in Postgres decide."""
    bite = episode.bite()
    for worker in episode.workers:
        worker.stop()
    admin = AdminClient({"bootstrap.servers": episode.stage.servers, "log_level": 0})
    ends = episode.rng.random() < 0.5
    places = [
        TopicPartition(topic, partition, episode.witness.end(topic, partition) if ends else 0)
        for topic, partition in episode.witness.places
        if topic in INPUT_TOPICS
    ]

    def is_reset() -> bool:
        try:
            asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, places)])
            asked[GROUP].result()
        except KafkaException:
            return False  # somebody is still in the group
        return True

    done = episode.until(is_reset, EMPTY_S)
    for worker in episode.workers:
        worker.start()
    return bite if done else Bite()


KINDS: Final = (
    Kind("role taken away", take_role_away),
    Kind("kill switch thrown", throw_the_switch),
    Kind("offsets reset", reset_offsets),
)
