"""Partitions that change hands: by a rebalance, by a death, by a worker that believes it is still alive."""

from __future__ import annotations

from functools import partial

from tests.harness import wait
from tests.harness.availability import scaled
from tests.stream.rig import Rig, Worker

IN_A_STATEMENT = """SELECT 1 FROM pg_stat_activity
                     WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"""


def _more_than(rig: Rig, noted: int) -> bool:
    return rig.noted() > noted


def test_two_workers_share_the_partitions_and_lose_or_double_nothing(rig: Rig) -> None:
    count = scaled(10_000, 100_000)
    rig.produce(count)
    first = rig.start()
    wait.until(lambda: rig.noted() > 0, 60)
    second = rig.start().wait_ready()
    rig.produce(count, start=count)
    rig.wait_recorded()
    first.terminate()
    rig.produce(count, start=2 * count)
    assert first.wait_ended() == 0, first.text()
    rig.wait_recorded()
    rig.assert_recorded_once(3 * count)
    assert len(rig.fetch("SELECT DISTINCT process FROM noted")) == 2
    assert second.alive


def test_killed_in_the_middle_of_batches_nothing_is_lost_or_doubled(rig: Rig) -> None:
    total = 0
    for _ in range(scaled(3, 10)):
        rig.produce(20_000, start=total)
        total += 20_000
        worker = rig.start(STAND_IN_INSTANCE="one")
        wait.until(partial(_more_than, rig, rig.noted()), 60)
        worker.kill()
    rig.start(STAND_IN_INSTANCE="one")
    rig.wait_recorded()
    rig.assert_recorded_once(total)
    published = rig.published()
    assert {value for _, _, value in published} == {
        f"{topic}/{partition}/{offset}".encode()
        for topic, partition, offset in rig.fetch("SELECT topic, partition, record_offset FROM noted")
    }


def test_a_worker_that_was_frozen_writes_nothing_after_another_took_over(rig: Rig) -> None:
    frozen = rig.start().wait_ready()
    other = rig.start().wait_ready()
    wait.until(lambda: "partition_claimed" in other.text() and frozen.get("/readyz")[0] == 200)
    rig.produce(5_000)
    wait.until(lambda: _is_frozen_between_statements(rig, frozen))
    rig.wait_recorded()
    frozen.thaw()
    rig.produce(5_000, start=5_000)
    rig.wait_recorded()
    rig.assert_recorded_once(10_000)
    assert frozen.alive
    assert other.alive


def _is_frozen_between_statements(rig: Rig, worker: Worker) -> bool:
    """Postgres ends the transaction of whoever is silent between its statements; within one somebody else has to."""
    worker.freeze()
    if rig.fetch(IN_A_STATEMENT):
        worker.thaw()
        return False
    return True


def test_a_worker_with_a_lasting_name_comes_back_to_its_partitions_without_a_rebalance(rig: Rig) -> None:
    rig.produce(100)
    named = rig.start(STAND_IN_INSTANCE="a")
    rig.start(STAND_IN_INSTANCE="b").wait_ready()
    named.wait_ready()
    rig.wait_recorded()
    epochs = rig.fetch("SELECT topic, partition, epoch, owner FROM consumer_position ORDER BY 1, 2")
    named.kill()
    rig.start(STAND_IN_INSTANCE="a").wait_ready()
    rig.produce(100, start=100)
    rig.wait_recorded()
    moved = rig.fetch("SELECT topic, partition, epoch, owner FROM consumer_position ORDER BY 1, 2")
    others = sum(before == after for before, after in zip(epochs, moved, strict=True))
    assert others == 4
    rig.assert_recorded_once(200)
