"""Decompression gives what was compressed, refuses what breaks the bound, and never holds much more than it."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from importlib import import_module

import cramjam
import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch

from hitl_stream.stream import codec

BOUND = codec.UNCOMPRESSED_MAX


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


def test_aiokafka_decompresses_within_the_bound_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(DefaultRecordBatch.__module__)  # the compiled one
    names = {f"{name}_decode": getattr(codec, name) for name in ("gzip", "snappy", "lz4", "zstd")}
    for name in names:
        monkeypatch.setattr(module, name, getattr(module, name))
    codec.bound()
    assert {name: getattr(module, name) for name in names} == names
