"""Decompression gives what was compressed, refuses what breaks the bound, and never holds much more than it."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import cramjam
import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch

from hitl_stream.stream import codec

BOUND = codec.UNCOMPRESSED_MAX
NAMES = ("gzip", "snappy", "lz4", "zstd")


def xerial(*blocks: bytes) -> bytes:
    framed = b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + framed


def raw_snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (codec.gzip, gzip.compress),
    "gzip in two members": (codec.gzip, lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    "zstd": (codec.zstd, lambda data: bytes(cramjam.zstd.compress(data))),
    "lz4": (codec.lz4, lambda data: bytes(cramjam.lz4.compress(data))),
    "snappy": (codec.snappy, raw_snappy),
    "xerial": (codec.snappy, lambda data: xerial(raw_snappy(data[:7]), raw_snappy(data[7:]))),
}


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [8, 1000, 3_000_000])
def test_what_was_compressed_comes_back(name: str, size: int) -> None:
    decompress, compress = CODECS[name]
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert decompress(compress(data)) == data


@pytest.mark.parametrize("name", CODECS)
def test_the_bound_holds_to_the_byte(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "UNCOMPRESSED_MAX", 100_000)
    monkeypatch.setattr(codec, "_scratch", [bytearray(1_000)])
    decompress, compress = CODECS[name]
    assert len(decompress(compress(bytes(100_000)))) == 100_000
    with pytest.raises(CorruptRecordException, match="more than 100000 bytes"):
        decompress(compress(bytes(100_001)))


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: b"\xff" * len(data)], ids=["cut", "rubbish"])
def test_what_is_damaged_raises(name: str, damage: Callable[[bytes], bytes]) -> None:
    decompress, compress = CODECS[name]
    with pytest.raises(Exception):  # noqa: B017 - each library has its own; salvage takes all of them
        decompress(damage(compress(bytes(range(256)) * 10)))


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xff\xff\xff\x0f",  # plain: 4 GB are claimed
        xerial(b"\xff\xff\xff\xff\x0f"),
        xerial(*[raw_snappy(bytes(BOUND // 2))] * 3),  # each within the bound, all of them not
    ],
    ids=["plain", "in a block", "in many blocks"],
)
def test_a_claimed_size_beyond_the_bound_is_refused_before_it_is_taken(payload: bytes) -> None:
    with pytest.raises(CorruptRecordException, match="more than"):
        codec.snappy(payload)


@pytest.mark.parametrize("length", [-1, 0, 1_000])
def test_a_snappy_block_that_claims_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(CorruptRecordException, match="ends too early"):
        codec.snappy(xerial() + struct.pack(">i", length) + b"abc")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """aiokafka's, the compiled one, with our decoders."""
    module = import_module(DefaultRecordBatch.__module__)
    for name in NAMES:
        monkeypatch.setattr(module, f"{name}_decode", getattr(module, f"{name}_decode"))
    codec.bound()
    return module


def test_aiokafka_decompresses_within_the_bound_from_then_on(reader: ModuleType) -> None:
    found = {name: getattr(reader, f"{name}_decode").args for name in NAMES}
    assert found == {name: (getattr(codec, name),) for name in NAMES}


def varint(number: int) -> bytes:
    zigzag, told = number << 1 if number >= 0 else (-number << 1) - 1, bytearray()
    while zigzag > 0x7F:
        told.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes((*told, zigzag))


def test_no_record_is_longer_than_its_bound() -> None:
    largest = varint(codec.RECORD_MAX) + bytes(codec.RECORD_MAX)
    codec.check_records(largest + varint(1) + b"x" + largest)
    for bad in (varint(codec.RECORD_MAX + 1), largest + varint(codec.RECORD_MAX + 1), varint(-1), b"\xff" * 100):
        with pytest.raises(CorruptRecordException, match="more than 8388608 bytes"):
            codec.check_records(bad)
    codec.check_records(largest + b"\x80")  # it ends too early: the reader says so


@pytest.mark.usefixtures("reader")
def test_a_record_of_headers_alone_is_refused_before_they_are_made() -> None:
    batch = struct.pack(">qiibIhiqqqhii", 0, 0, -1, 2, 0, 4, 0, 0, 0, -1, -1, -1, 1)
    headers = b"\x02x\x01" * 3_000_000  # one letter, no value
    fields = b"\0\0\0\x01\x01" + varint(3_000_000) + headers
    whole = batch + bytes(cramjam.zstd.compress(varint(len(fields)) + fields))
    whole = whole[:8] + struct.pack(">i", len(whole) - 12) + whole[12:]
    with pytest.raises(CorruptRecordException, match="a record has more than"):
        list(DefaultRecordBatch(whole))
