"""What is recorded of a partition: every record once, in order, up to the end of the log, whatever lies in between."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from tests.harness.availability import scaled
from tests.stream.rig import Rig


def test_every_record_is_recorded_once_in_order_and_published(rig: Rig) -> None:
    count = scaled(20_000, 200_000)
    rig.produce(count)
    rig.start()
    rig.wait_recorded()
    rig.assert_recorded_once(count)
    assert len(rig.published()) == count


def test_messages_of_a_key_are_published_in_the_order_they_were_recorded(rig: Rig) -> None:
    rig.produce(5_000)
    rig.start()
    rig.wait_recorded()
    by_key: dict[bytes | None, list[tuple[str, int]]] = {}
    for _, key, value in rig.published():
        place, _, offset = (value or b"").decode().rpartition("/")
        by_key.setdefault(key, []).append((place, int(offset)))
    assert len(by_key) == 97
    for values in by_key.values():
        assert values == sorted(values)


@pytest.mark.parametrize("last", ["commit", "abort"])
def test_an_aborted_transaction_is_never_seen_and_the_position_reaches_the_end(rig: Rig, last: str) -> None:
    producer = Producer({"bootstrap.servers": rig.bootstrap, "transactional.id": rig.group})
    producer.init_transactions(30)
    for ending in ("commit", "abort", "abort", "commit", last):
        producer.begin_transaction()
        for number in range(50):
            producer.produce(rig.results, f"{ending}-{number}".encode(), ending.encode(), partition=number % 4)
        # What is aborted lies in the log; an end of what was never sent is no state of a transaction.
        assert producer.flush(30) == 0
        (producer.commit_transaction if ending == "commit" else producer.abort_transaction)(30)
    rig.start()
    rig.wait_recorded()
    committed = 3 if last == "commit" else 2
    rig.assert_recorded_once(50 * committed)
    assert rig.fetch("SELECT DISTINCT record_key FROM noted") == [(b"commit",)]


def test_an_open_transaction_holds_the_position_back_and_loses_nothing(rig: Rig) -> None:
    producer = Producer({"bootstrap.servers": rig.bootstrap, "transactional.id": rig.group})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(rig.results, b"open", b"key", partition=0)
    producer.flush(30)
    rig.produce(100, partition=0)
    worker = rig.start().wait_ready()
    assert worker.metric("hitl_lag_records") == 0
    assert rig.noted() == 0
    producer.commit_transaction(30)
    rig.wait_recorded()
    rig.assert_recorded_once(101)


def test_a_restart_goes_on_where_recording_ended(rig: Rig) -> None:
    rig.produce(1_000)
    first = rig.start()
    rig.wait_recorded()
    first.terminate()
    assert first.wait_ended() == 0, first.text()
    rig.produce(1_000, start=1_000)
    rig.start()
    rig.wait_recorded()
    rig.assert_recorded_once(2_000)


def test_lag_is_counted_in_records_and_seconds_and_ends_at_zero(rig: Rig) -> None:
    rig.produce(500)
    worker = rig.start().wait_ready()
    rig.wait_recorded()
    assert worker.metric("hitl_lag_records") == 0
    assert worker.metric("hitl_records_total") == 500
