"""Dead letters on a broker that does not want them: everything else goes on, and they follow as soon as they can."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from hitl_stream.broker import admin
from hitl_stream.broker.topology import Configure
from hitl_stream.contract import encode
from hitl_stream.store.outbox import LETTERS
from tests.event import binary, data
from tests.harness import wait
from tests.pipeline.test_input import Sent, dead_letters, place_of
from tests.stream.rig import Rig

PARTITIONS = 4
STRUCTURED = [("content-type", b"application/cloudevents+json")]


def send_good(sent: Sent, name: str) -> None:
    """A result that is approved, on each partition."""
    for partition in range(PARTITIONS):
        patch = f"{name}-{partition}"
        record = binary(patch, data(patch_id=patch, apv_id=f"APV-{patch}"))
        sent.send(patch, "wargaming_results", record.key, record.value, record.headers, partition)


def send_bad(sent: Sent, name: str, value: bytes = b"{") -> None:
    """One that nobody can read, on each partition."""
    for partition in range(PARTITIONS):
        sent.send(f"{name}-{partition}", "wargaming_results", b"key", value, [("hop", b"1")], partition)


def decided(rig: Rig) -> set[bytes | None]:
    """The patches that there are decisions of."""
    return {key for _, key, _ in rig.published()}


def patches(*names: str) -> set[bytes | None]:
    return {f"{name}-{partition}".encode() for name in names for partition in range(PARTITIONS)}


def test_a_topic_that_takes_no_dead_letters_holds_up_no_decision_and_no_take_over(rig: Rig) -> None:
    first, second = rig.start(), rig.start()
    for worker in (first, second):
        worker.wait_ready()
    rig.delete_topic(rig.topics.physical("dead_letters"))
    sent = Sent(rig)
    send_bad(sent, "bad")
    send_good(sent, "one")
    wait.until(lambda: decided(rig) == patches("one"), 60)
    first.kill()
    send_good(sent, "two")
    wait.until(lambda: decided(rig) == patches("one", "two"), 60)
    wait.until(lambda: rig.fetch("SELECT bool_and(shard >= $1) FROM outbox", LETTERS)[0][0] is True, 60)
    assert second.missing() == []
    wait.until(lambda: second.metric("hitl_breaker_open", dependency="dead_letters") == 1, 60)
    rig.create_topics()
    sent.wait_recorded()
    assert {place_of(headers) for _, _, headers in dead_letters(rig)} == {
        place for name, place in sent.places.items() if name.startswith("bad")
    }
    assert second.alive


def test_a_dead_letter_over_the_limit_of_its_topic_is_published_short_and_holds_up_nothing(rig: Rig) -> None:
    topic = rig.topics["dead_letters"]
    limit = Configure(topic, "max.message.bytes", topic.config["max.message.bytes"], "10000")
    assert admin.carry_out(rig.connection, [limit]) == []
    worker = rig.start().wait_ready()
    sent = Sent(rig)
    for name, size in (("small", 100), ("large", 100_000), ("last", 100)):
        send_bad(sent, name, b"{" * size)
    send_good(sent, "one")
    sent.wait_recorded()
    found = {place_of(headers): (key, value, headers) for key, value, headers in dead_letters(rig)}
    for name, place in sent.places.items():
        if name.startswith("one"):
            continue
        key, value, headers = found[place]
        short = name.startswith("large")
        assert (key, value) == (b"key", b"{" * (1_000 if short else 100)), name
        assert (("hop", b"1") in headers) is not short, name
        cut = encode.CUT + b"the value is its beginning, headers are left out"
        assert dict(headers)["hitl_reason"].endswith(cut) is short, name
    assert decided(rig) == patches("one")
    assert worker.metric("hitl_dead_letters_refused_total") == PARTITIONS
    assert rig.fetch("SELECT max(length(record_value)) FROM dead_letter")[0][0] == 100_000


def test_records_that_unfold_to_more_than_a_dead_letter_holds_end_as_one(rig: Rig) -> None:
    limits: Any = {"compression.type": "gzip", "message.max.bytes": 10_000_000, "linger.ms": 0}
    producer = Producer({"bootstrap.servers": rig.bootstrap, **limits})
    hostile: list[Any] = [[("\U0001d54f" * 600_000, b"")], [("h", None)] * 700_000, [("h", None)] * 1_001]
    for headers in hostile:
        producer.produce(rig.results, b"{}", b"key", 0, headers=headers)
        assert producer.flush(60) == 0
    worker = rig.start()
    sent = Sent(rig)
    send_good(sent, "one")
    sent.wait_recorded()
    reasons = [row[0] for row in rig.fetch("SELECT reason FROM dead_letter ORDER BY record_offset")]
    assert [reason.partition(";")[0] for reason in reasons] == [
        "the record has 2400013 bytes, at most 1048588 can be used",
        "the record has 2100010 bytes, at most 1048588 can be used",
        "the record has 1001 headers, at most 1000 can be used",
    ]
    letters = sorted((place_of(headers), value, len(headers)) for _, value, headers in dead_letters(rig))
    assert [(value, count) for _, value, count in letters] == [(b"{}", 6), (b"{}", 1_006), (b"{}", 1_006)]
    assert decided(rig) == patches("one")
    assert worker.alive, worker.text()


def test_events_say_that_they_are_whole_cloud_events(rig: Rig) -> None:
    rig.start()
    sent = Sent(rig)
    send_good(sent, "one")
    sent.wait_recorded()
    for logical in ("decisions", "auto_approved"):
        found = rig.messages(logical)
        assert [message.headers() for message in found] == [STRUCTURED] * PARTITIONS
