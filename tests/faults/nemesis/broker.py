"""Faults of Kafka: killed, restarted, frozen, and producers that hang in the middle of a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil

from tests.faults.nemesis.kind import Kind
from tests.faults.stage import Setting
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

FROZEN_S: Final = 15.0
LOST_S: Final = 10.0


def kill(episode: Episode) -> Bite:
    bite = episode.bite()
    episode.stage.broker.kill()
    episode.pause(episode.rng.uniform(0.0, 2.0))
    episode.stage.broker.start()
    return bite


def restart(episode: Episode) -> Bite:
    """In order, as for an upgrade."""
    bite = episode.bite()
    episode.stage.broker.restart()
    return bite


def freeze(episode: Episode) -> Bite:
    """For longer than sessions last."""
    bite = episode.bite()
    broker = psutil.Process(episode.stage.broker.pid)
    broker.suspend()
    try:
        episode.pause(FROZEN_S)
    finally:
        broker.resume()
    return bite


def lose_one_of_three(episode: Episode) -> Bite:
    """Any of them, killed: the others go on."""
    bite = episode.bite()
    broker = episode.rng.choice(episode.stage.cluster.brokers)
    broker.kill()
    episode.pause(episode.rng.uniform(2.0, LOST_S))
    broker.start()
    return bite


def lose_all_of_three(episode: Episode) -> Bite:
    """All killed at once, as when the power is gone."""
    bite = episode.bite()
    episode.stage.cluster.kill()
    episode.stage.cluster.start()
    return bite


KINDS: Final = (
    Kind("Kafka killed", kill),
    Kind("Kafka restarted", restart),
    Kind("Kafka frozen", freeze),
    Kind("one of three brokers lost", lose_one_of_three, Setting.REPLICATED),
    Kind("all of three brokers lost", lose_all_of_three, Setting.REPLICATED),
)
