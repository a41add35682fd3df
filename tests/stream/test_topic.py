"""Topics that are not what the positions were made for: the worker stops loudly and skips nothing."""

from __future__ import annotations

import pytest

from hitl_stream.errors import Fatal
from hitl_stream.stream import preparation
from hitl_stream.stream.breaker import Breaker, Breakers
from tests.harness import wait
from tests.harness.availability import scale
from tests.stream.rig import Rig

FEWER_OR_MORE = [10, 500] if scale() == "full" else [10]  # than the 200 that were recorded


async def test_a_topic_that_stays_missing_is_fatal_with_a_word_about_what_to_do(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.delete_topic(rig.results)
    monkeypatch.setattr(preparation, "TOPICS_WAIT_S", 0.5)
    breakers = Breakers(Breaker("postgres"), Breaker("kafka"))
    with pytest.raises(Fatal, match=f"no topic {rig.results} at .*: run hitl-stream topics apply"):
        await preparation.broker(rig.connection, {topic.name for topic in rig.topics}, breakers)
    assert breakers.open == []


def test_a_worker_waits_for_a_topic_that_is_made_after_its_start(rig: Rig) -> None:
    rig.delete_topic(rig.results)
    worker = rig.start()
    wait.until(lambda: "topics_missing" in worker.text(), 30)
    assert worker.missing() == ["preparation"]
    rig.create_topics()
    rig.produce(100)
    rig.wait_recorded()
    rig.assert_recorded_once(100)


@pytest.mark.parametrize("records", FEWER_OR_MORE)
def test_a_topic_recreated_shorter_or_longer_ends_the_worker(rig: Rig, records: int) -> None:
    rig.produce(200)
    first = rig.start()
    rig.wait_recorded()
    first.terminate()
    assert first.wait_ended() == 0
    rig.delete_topic(rig.results)
    rig.create_topics()
    rig.produce(records)
    worker = rig.start()
    assert worker.wait_ended() == 1
    assert "recreated" in worker.text()
    assert "hitl-stream positions adopt" in worker.text()
    assert rig.noted() == 200


@pytest.mark.parametrize("records", FEWER_OR_MORE)
def test_a_topic_recreated_under_a_running_worker_ends_it(rig: Rig, records: int) -> None:
    rig.produce(200)
    worker = rig.start()
    rig.wait_recorded()
    rig.delete_topic(rig.results)
    rig.create_topics()
    rig.produce(records)
    assert worker.wait_ended() == 1
    assert "recreated" in worker.text()


def test_a_topic_with_fewer_partitions_than_were_recorded_ends_the_worker(rig: Rig) -> None:
    rig.produce(200)
    first = rig.start()
    rig.wait_recorded()
    first.terminate()
    assert first.wait_ended() == 0
    rig.delete_topic(rig.results)
    rig.create_topics(partitions=2)
    worker = rig.start()
    assert worker.wait_ended() == 1
    assert "has 2 partitions" in worker.text()
