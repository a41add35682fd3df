"""Every sample through the whole worker: each record ends in exactly one place, and the position reaches the end."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import Any

import orjson
from confluent_kafka import Producer

from tests.event import binary, data
from tests.harness import sample, wait
from tests.harness.sample import Sample
from tests.harness.spans import Spans
from tests.stream.rig import Rig

INPUTS = ("wargaming_results", "eureka_outcomes")
WAIT_S = 60.0
TRACED_TOO = f"00-{'c' * 32}-{'d' * 16}-01"
Place = tuple[str, int, int]


def incoming(kind: str) -> list[Sample]:
    """The samples that upstream could send, in the order of the index."""
    return [one for one in sample.read(kind).values() if one.topic in INPUTS]


class Sent:
    """Where each record lies, as the broker acknowledged it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.places: dict[str, Place] = {}
        self._producer = Producer({"bootstrap.servers": rig.bootstrap, "message.max.bytes": 2_000_000, "linger.ms": 0})

    def send(
        self, name: str, logical: str, key: bytes | None, value: bytes | None, headers: Any, partition: int
    ) -> None:
        """Send one record and note its place."""

        def note(error: Any, message: Any) -> None:
            assert error is None, error
            self.places[name] = (message.topic(), message.partition(), message.offset())

        self._producer.produce(
            self.rig.topics.physical(logical), value, key, partition, headers=list(headers), on_delivery=note
        )
        assert self._producer.flush(30) == 0

    def wait_recorded(self) -> None:
        """Wait until both topics are recorded to their ends and everything is published."""
        for logical in INPUTS:
            topic = self.rig.topics.physical(logical)
            wait.until(partial(self._is_recorded, topic), WAIT_S)
        wait.until(lambda: not self.rig.fetch("SELECT 1 FROM outbox LIMIT 1"), WAIT_S)

    def _is_recorded(self, topic: str) -> bool:
        return self.rig.positions(topic) == self.rig.ends(topic)

    def fates(self) -> dict[str, str]:
        """What became of each record, by its name; a record in two places fails."""
        query = """
            SELECT topic, partition, record_offset, 'evidence' AS fate FROM evidence
            UNION ALL SELECT topic, partition, record_offset, 'outcome' FROM outcome
            UNION ALL SELECT topic, partition, record_offset, error FROM dead_letter
        """
        found: dict[Place, list[str]] = {}
        for topic, partition, offset, fate in self.rig.fetch(query):
            found.setdefault((topic, partition, offset), []).append(fate)
        assert [place for place, fates in found.items() if len(fates) > 1] == []
        return {name: found.get(place, ["duplicate"])[0] for name, place in self.places.items()}


def test_every_sample_ends_in_exactly_one_place(rig: Rig) -> None:
    sent = Sent(rig)
    good, bad = incoming("good"), incoming("bad")
    for one in [*good, *bad]:
        record = one.record()
        sent.send(one.name, one.topic, record.key, record.value, record.headers, 0)
    worker = rig.start()
    sent.wait_recorded()
    fates = sent.fates()
    for one in good:
        wanted = {"evidence"} if one.topic == "wargaming_results" else {"outcome"}
        if "same_as" in one.about:
            wanted = {"duplicate"}
        if "conflicts_with" in one.about:
            wanted = {"conflict"}
        assert fates[one.name] in wanted, f"{one.name}: {one.about.get('says')}"
    assert {one.name: fates[one.name] for one in bad} == {one.name: "bad_record" for one in bad}
    check_dead_letters(rig, sent, bad)
    total = len(good) + len(bad)
    assert worker.metric("hitl_records_total") == total
    assert worker.alive, worker.text()


def check_dead_letters(rig: Rig, sent: Sent, bad: list[Sample]) -> None:
    """The topic holds each with its original bytes and headers, and with a reason that its producer can act on."""
    letters = {place_of(headers): (key, value, headers) for key, value, headers in dead_letters(rig)}
    for one in bad:
        key, value, headers = letters[sent.places[one.name]]
        record = one.record()
        assert (key, value) == (record.key, record.value), one.name
        original = [(name, content) for name, content in headers if not name.startswith("hitl_")]
        assert original == list(record.headers), one.name
        said = dict(headers)
        assert said["hitl_error"] == b"bad_record"
        assert one.about["reason"] in said["hitl_reason"].decode(), one.name


def dead_letters(rig: Rig) -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    found: list[Any] = rig.messages("dead_letters")
    return [(m.key(), m.value(), list(m.headers() or ())) for m in found]


def place_of(headers: list[tuple[str, bytes]]) -> Place:
    said = {name: content.decode() for name, content in headers if name.startswith("hitl_")}
    return said["hitl_topic"], int(said["hitl_partition"]), int(said["hitl_offset"])


def test_one_event_on_two_partitions_is_one_event_and_one_patch_has_one_home(rig: Rig) -> None:
    sent = Sent(rig)
    first = binary("e-1", data(wargame__expected_results=2))
    second = binary("e-2", data(wargame__expected_results=2, wargame__run_id="r-2"))
    rig.start().wait_ready()
    for name, record, partition in (
        ("one", first, 0),
        ("again", first, 3),
        ("two", second, 2),
        ("two again", second, 1),
    ):
        sent.send(name, "wargaming_results", record.key, record.value, record.headers, partition)
    sent.wait_recorded()
    assert Counter(sent.fates().values()) == {"evidence": 2, "duplicate": 2}
    assert rig.fetch("SELECT state, seq, (SELECT count(*) FROM decision) FROM patch") == [("approved", 1, 1)]
    ((partition, _, _),) = rig.published("auto_approved")
    assert rig.published()[0][0] == partition


def test_results_in_any_order_twice_and_more_than_expected_lead_to_one_decision(rig: Rig) -> None:
    sent = Sent(rig)
    orders = [(1, 2, 3), (3, 2, 1), (2, 2, 3, 1, 1), (1, 2, 3, 4), (2, 1)]
    for number, order in enumerate(orders):
        for step, run in enumerate(order):
            content = data(
                patch_id=f"p-{number}", apv_id=f"APV-{number}", wargame__run_id=f"r-{run}", wargame__expected_results=3
            )
            record = binary(f"e-{number}-{run}", content)
            sent.send(f"{number}/{step}", "wargaming_results", record.key, record.value, record.headers, run % 4)
    rig.start()
    sent.wait_recorded()
    stand = dict(rig.fetch("SELECT patch_id, state FROM patch"))
    assert stand == {**{f"p-{n}": "approved" for n in range(4)}, "p-4": "collecting"}
    assert rig.fetch("SELECT patch_id, count(*) FROM decision GROUP BY 1 ORDER BY 1") == [
        (f"p-{n}", 1) for n in range(4)
    ]


def test_a_bad_outcome_on_a_partition_that_the_results_do_not_have_is_published_too(rig: Rig) -> None:
    rig.delete_topic(rig.results)
    rig.create_topics(partitions=2)
    sent = Sent(rig)
    rig.start().wait_ready()
    sent.send("bad", "eureka_outcomes", b"p-1", b"{", [], 3)
    sent.wait_recorded()
    ((key, value, _),) = dead_letters(rig)
    assert (key, value) == (b"p-1", b"{")


def test_the_log_of_a_worker_is_json_with_the_place_of_what_it_refused(rig: Rig) -> None:
    sent = Sent(rig)
    hostile = data(patch_id="p-\x1b[31m\u202e", ml__confidence=1.01)
    record = binary("e-1", hostile)
    sent.send("hostile", "wargaming_results", record.key, orjson.dumps(hostile), record.headers, 1)
    worker = rig.start(HITL_LOG_FORMAT="json")
    sent.wait_recorded()
    entries = [json.loads(line) for line in worker.text().splitlines()]
    refused = [entry for entry in entries if entry["event"] == "record_refused"]
    assert len(refused) == 1
    topic, partition, offset = sent.places["hostile"]
    assert (refused[0]["topic"], refused[0]["partition"], refused[0]["offset"]) == (topic, partition, offset)
    assert refused[0]["error"] == "bad_record"
    assert "\x1b" not in worker.text()
    assert refused[0]["policy_version"] == 1


def test_an_event_is_traced_when_its_sender_asks_for_it(rig: Rig) -> None:
    sent = Sent(rig)
    with Spans() as spans:
        for event_id, flag in (("e-1", "01"), ("e-2", "00")):
            trace = f"00-{event_id[-1] * 32}-{'b' * 16}-{flag}".encode()
            record = binary(event_id, data(patch_id=f"p-{event_id}"))
            headers = [*record.headers, ("ce_traceparent", trace)]
            sent.send(event_id, "wargaming_results", record.key, record.value, headers, 2)
        sent.send("bad", "wargaming_results", b"p", b"{", [("ce_traceparent", TRACED_TOO.encode())], 2)
        worker = rig.start(HITL_TRACES_ENDPOINT=spans.endpoint)
        sent.wait_recorded()
        worker.terminate()
        assert worker.wait_ended() == 0
        refused, span = sorted(spans.found, key=lambda span: "hitl.patch_id" in span.attributes)
    assert (refused.trace_id, refused.attributes["error.type"]) == (TRACED_TOO.split("-")[1], "BadRecord")
    assert refused.attributes["messaging.kafka.offset"] == sent.places["bad"][2]
    topic, partition, offset = sent.places["e-1"]
    assert (span.process, span.name) == ("hitl-worker", f"process {topic}")
    assert (span.trace_id, span.parent_id) == ("1" * 32, "b" * 16)
    assert span.attributes == {
        "messaging.system": "kafka", "messaging.operation.type": "process", "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition), "messaging.kafka.offset": offset,
        "cloudevents.event_id": "e-1", "hitl.patch_id": "p-e-1", "hitl.policy_version": 1,
    }  # fmt: skip
