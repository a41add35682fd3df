"""What no reader can make sense of: each piece ends in exactly one place with its reason, its neighbours are recorded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.harness import wait
from tests.stream import segment
from tests.stream.outage import Dependencies
from tests.stream.rig import Rig, Worker
from tests.stream.segment import Damage, Segment

PEAK_MB_MAX = 500
CPU_SHARE_MAX = 0.2
HUGE = 300 * 1024 * 1024

# name: (codec it was produced with, damage, whether the checksum fits, what the reason says)
DAMAGES: dict[str, tuple[str, Damage, bool, str]] = {
    "a flipped bit": ("none", segment.flip, False, r"\(none\): .*CRC"),
    "a flipped bit under zstd": ("zstd", segment.flip, False, r"\(zstd\): .*CRC"),
    "an unknown codec": ("none", segment.codec(5), True, r"\(unknown codec 5\)"),
    "the last possible codec": ("none", segment.codec(7), True, r"\(unknown codec 7\)"),
    "said to be gzip and is not": ("none", segment.codec(1), True, r"\(gzip\)"),
    "said to be plain and is not": ("gzip", segment.codec(0), True, r"\(none\)"),
    "rubbish": ("none", segment.rubbish, True, r"\(none\)"),
    "rubbish in gzip": ("gzip", segment.rubbish, True, r"\(gzip\)"),
    "rubbish in snappy": ("snappy", segment.rubbish, True, r"\(snappy\)"),
    "rubbish in lz4": ("lz4", segment.rubbish, True, r"\(lz4\)"),
    "rubbish in zstd": ("zstd", segment.rubbish, True, r"\(zstd\)"),
    "more records than there are": ("none", segment.count(5), True, r"\(none\)"),
    "fewer records than there are": ("none", segment.count(1), True, r"\(none\)"),
    "no records though there are some": ("none", segment.count(0), True, r"\(none\)"),
    "a negative number of records": ("none", segment.count(-1), True, r"\(none\)"),
    "two billion records": ("none", segment.count(2**31 - 1), True, r"\(none\)"),
    "a flipped bit in the last offset": ("none", segment.last_delta(2 + 2**24), False, r"\(none\): .*CRC"),
    "a negative last offset": ("none", segment.last_delta(2 - 2**31), False, r"\(none\): .*CRC"),
}


def _send(rig: Rig, values: list[bytes | None], **settings: Any) -> None:
    """One batch in partition 0: `flush` waits for no linger."""
    limits = {"linger.ms": 5_000, "message.max.bytes": 1_000_000_000, "queue.buffering.max.kbytes": 2_000_000}
    producer = Producer({"bootstrap.servers": rig.bootstrap, **limits, **settings})
    producer.list_topics(rig.results, timeout=10)  # what is produced before it is known where to goes out on its own
    for value in values:
        producer.produce(rig.results, value, b"key", partition=0)
    assert producer.flush(60) == 0


def _good(rig: Rig) -> None:
    _send(rig, [b"good-%d" % number for number in range(10)])


def _noted(rig: Rig) -> list[tuple[int, int | None, str | None]]:
    return [tuple(row) for row in rig.fetch("SELECT record_offset, value_size, reason FROM noted ORDER BY nth")]


def _peak_mb(worker: Worker) -> float:
    """The most memory that it ever held."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text())
    return int(line) / 1024


def test_every_damaged_batch_is_one_unreadable_record_and_its_neighbours_are_recorded(
    servers: Dependencies, own: Rig
) -> None:
    log = Segment(servers.kafka.folder / "data", own.results, 0)
    places: dict[str, int] = {}
    for name, (codec, _, _, _) in DAMAGES.items():
        _good(own)
        places[name] = own.ends()[0]
        _send(own, [b"bad-" + b"x" * 200] * 3, **{"compression.type": codec})
    _good(own)
    for name, (_, damage, checksum, _) in DAMAGES.items():
        log.damage(places[name], damage, checksum=checksum)
    worker = own.start()
    own.wait_recorded()
    noted = _noted(own)
    reasons = {offset: reason for offset, _, reason in noted if reason is not None}
    assert {name: reasons.pop(offset, None) for name, offset in places.items()} == {
        name: _Matching(f"^records {places[name]} to {places[name] + 2} cannot be read {words}")
        for name, (_, _, _, words) in DAMAGES.items()
    }
    assert reasons == {}
    assert [offset for offset, _, reason in noted if reason is None] == [
        offset for offset in range(own.ends()[0]) if not any(bad <= offset < bad + 3 for bad in places.values())
    ]
    assert worker.alive
    assert _peak_mb(worker) < PEAK_MB_MAX


def test_a_last_batch_damaged_in_its_last_offset_moves_the_position_to_the_end_and_no_further(
    servers: Dependencies, own: Rig
) -> None:
    _good(own)
    _send(own, [b"bad"] * 3)
    log = Segment(servers.kafka.folder / "data", own.results, 0)
    log.damage(10, segment.last_delta(2 + 2**24), checksum=False)
    own.start()
    own.wait_recorded()
    _good(own)
    own.wait_recorded()
    noted = _noted(own)
    assert [offset for offset, _, reason in noted if reason is None] == [*range(10), *range(13, 23)]
    reasons: dict[int, object] = {offset: reason for offset, _, reason in noted if reason}
    assert reasons == {10: _Matching("^records 10 to 12 .*CRC")}


def test_a_batch_that_the_broker_itself_refuses_holds_its_partition_visibly_and_no_other(
    servers: Dependencies, own: Rig
) -> None:
    _good(own)
    _send(own, [b"bad"] * 3)
    Segment(servers.kafka.folder / "data", own.results, 0).damage(10, segment.length(5), checksum=False)
    own.produce(100, partition=1)
    worker = own.start()
    wait.until(lambda: "CorruptRecordException" in worker.text(), 60)
    own.produce(100, start=100, partition=1)
    wait.until(lambda: own.positions().get(1) == 200, 60)
    wait.until(lambda: worker.metric("hitl_lag_records", topic=own.results) == 3)
    assert own.positions()[0] == 10
    assert own.noted() == 210
    assert worker.cpu_share(3.0) < CPU_SHARE_MAX
    assert worker.alive


def test_a_compression_bomb_becomes_one_unreadable_record_without_its_size_in_memory(
    servers: Dependencies, own: Rig
) -> None:
    log = Segment(servers.kafka.folder / "data", own.results, 0)
    places: dict[str, int] = {}
    for codec, size in (("gzip", HUGE), ("zstd", HUGE), ("lz4", HUGE // 2), ("snappy", 1000)):
        _good(own)
        places[codec] = own.ends()[0]
        _send(own, [bytes(size)], **{"compression.type": codec})
    _good(own)
    log.damage(places["snappy"], segment.claim(b"\xff\xff\xff\xff\x0e"), checksum=True)  # 4 GB
    worker = own.start()
    own.wait_recorded()
    noted = _noted(own)
    reasons = {offset: reason for offset, _, reason in noted if reason is not None}
    assert reasons == {
        offset: _Matching(rf"^records {offset} to {offset} cannot be read \({codec}\): .*more than 67108864 bytes")
        for codec, offset in places.items()
    }
    assert [offset for offset, _, _ in noted] == list(range(own.ends()[0]))
    assert worker.alive
    assert _peak_mb(worker) < PEAK_MB_MAX


def test_a_record_over_the_limit_is_cut_and_says_so(own: Rig) -> None:
    _good(own)
    _send(own, [b"fits", bytes(5_000_000), b"fits too"], **{"compression.type": "gzip"})
    _good(own)
    own.start()
    own.wait_recorded()
    noted = _noted(own)
    assert [offset for offset, _, _ in noted] == list(range(23))
    assert [(offset, reason) for offset, _, reason in noted if reason] == [
        (11, "the record has 5000009 bytes, at most 1048588 can be used; the value is its beginning")
    ]
    assert dict(row[:2] for row in noted)[11] == 524_294


def test_null_keys_values_and_headers_and_repeated_header_names_arrive_as_they_are(rig: Rig) -> None:
    odd: list[tuple[str, str | bytes | None]] = [
        ("twice", b"1"),
        ("null", None),
        ("twice", b"2"),
        ("", b""),
        ("bytes", b"\xff\x00"),
    ]
    producer = Producer({"bootstrap.servers": rig.bootstrap})
    producer.produce(rig.results, None, None, partition=0)
    producer.produce(rig.results, b"", b"", partition=0, headers=odd)
    assert producer.flush(30) == 0
    rig.start()
    rig.wait_recorded()
    found = rig.fetch("SELECT record_offset, record_key, value_size, headers, reason FROM noted ORDER BY nth")
    assert [tuple(row) for row in found] == [(0, None, None, "[]", None), (1, b"", 0, repr(odd), None)]


def test_a_header_whose_name_is_no_utf8_costs_its_own_record_only(servers: Dependencies, own: Rig) -> None:
    _good(own)
    producer = Producer({"bootstrap.servers": own.bootstrap, "linger.ms": 5_000})
    producer.list_topics(own.results, timeout=10)
    for number in range(3):
        producer.produce(own.results, b"v%d" % number, b"key", partition=0, headers=[(f"name-{number}", b"1")])
    assert producer.flush(30) == 0
    _good(own)
    Segment(servers.kafka.folder / "data", own.results, 0).damage(
        10, segment.name(b"name-1", b"caf\xe9 1"), checksum=True
    )
    worker = own.start()
    own.wait_recorded()
    assert [offset for offset, _, _ in _noted(own)] == list(range(23))
    rows = own.fetch(
        "SELECT record_offset, record_key, value_size, headers, reason FROM noted WHERE headers <> '[]' ORDER BY nth"
    )
    assert [tuple(row) for row in rows] == [
        (10, b"key", 2, repr([("name-0", b"1")]), None),
        (11, b"key", 2, repr([(r"caf\xe9 1", b"1")]), r"the name of a header is no UTF-8: caf\xe9 1"),
        (12, b"key", 2, repr([("name-2", b"1")]), None),
    ]
    assert worker.alive


class _Matching:
    """Equal to every text that the pattern is found in."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.search(self._pattern, other, re.DOTALL) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"text like {self._pattern}"
