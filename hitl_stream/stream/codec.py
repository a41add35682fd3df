"""Decompression with a bound: 3 KB from outside must not become 100 MB here, nor 1 MB a hundred gigabytes.

aiokafka's readers look their decoders up by name, each in its module; there they are replaced, once per process.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import cramjam
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy

UNCOMPRESSED_MAX = 64 * 1024 * 1024  # of a batch that is at most 1 MB on the wire
# The reader makes all headers of a record at once, each of three bytes or more into a hundred here.
RECORD_MAX = 8 * 1024 * 1024
_FIRST_GUESS = 1024 * 1024
_GROWTH = 8
_VARINT_MAX = 5
_GZIP = 31  # zlib's window bits for a gzip stream
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16

_scratch = [bytearray(_FIRST_GUESS)]  # kept, because a fresh one costs more than the decompression


def bound() -> None:
    """Have aiokafka decompress within the bound from now on, in this process."""
    for reader in (DefaultRecordBatch, _DefaultRecordBatchPy):
        module = import_module(reader.__module__)
        for name, decoder in (("gzip", gzip), ("snappy", snappy), ("lz4", lz4), ("zstd", zstd)):
            setattr(module, f"{name}_decode", partial(_bounded, decoder))


def _bounded(decoder: Callable[[Any], bytes], payload: Any) -> bytes:
    records = decoder(payload)
    if len(records) > RECORD_MAX:
        check_records(records)
    return records


def check_records(records: bytes) -> None:
    """Raises CorruptRecordException when one of the batch's records is longer than RECORD_MAX; each begins with its length."""
    at = 0
    while at < len(records):
        number = shift = 0
        for byte in records[at : at + _VARINT_MAX]:
            number |= (byte & 0x7F) << shift
            shift += 7
            at += 1
            if byte <= 0x7F:
                break
        if number & 1 or number >> 1 > RECORD_MAX:  # zigzag: odd is negative
            raise CorruptRecordException(f"a record has more than {RECORD_MAX} bytes, or fewer than none")
        at += number >> 1


def gzip(payload: Any) -> bytes:
    """Raises CorruptRecordException beyond the bound."""
    parts: list[bytes] = []
    size, rest = 0, bytes(payload)
    while rest:
        member = zlib.decompressobj(_GZIP)
        part = member.decompress(rest, UNCOMPRESSED_MAX + 1 - size)
        size += len(part)
        if size > UNCOMPRESSED_MAX:
            raise _too_large()
        if not member.eof:
            raise CorruptRecordException("the gzip stream ends too early")
        parts.append(part)
        rest = member.unused_data
    return b"".join(parts)


def zstd(payload: Any) -> bytes:
    """Raises CorruptRecordException beyond the bound."""
    return _into_scratch(cramjam.zstd.decompress_into, payload)


def lz4(payload: Any) -> bytes:
    """Raises CorruptRecordException beyond the bound."""
    return _into_scratch(cramjam.lz4.decompress_into, payload)


def snappy(payload: Any) -> bytes:
    """Plain, or in the blocks of xerial's framing. Raises CorruptRecordException beyond the bound."""
    data = bytes(payload)
    if not data.startswith(_XERIAL):
        return _snappy_block(data, UNCOMPRESSED_MAX)
    parts: list[bytes] = []
    size, start = 0, _XERIAL_HEADER
    while start < len(data):
        (length,) = struct.unpack_from(">i", data, start)
        start += 4
        if length <= 0 or start + length > len(data):
            raise CorruptRecordException("a snappy block ends too early")
        part = _snappy_block(data[start : start + length], UNCOMPRESSED_MAX - size)
        size += len(part)
        parts.append(part)
        start += length
    return b"".join(parts)


def _snappy_block(block: bytes, room: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > room:
        raise _too_large()
    return bytes(cramjam.snappy.decompress_raw(block))


def _into_scratch(decompress_into: Callable[[Any, bytearray], int], payload: Any) -> bytes:
    """Decompress into a buffer that is kept and grows to the bound: the library has no bound of its own."""
    data = bytes(payload)
    while True:
        try:
            size = decompress_into(data, _scratch[0])
        except cramjam.DecompressionError as failure:
            if "whole buffer" not in str(failure):
                raise
            if len(_scratch[0]) >= UNCOMPRESSED_MAX:
                raise _too_large() from failure
            _scratch[0] = bytearray(min(len(_scratch[0]) * _GROWTH, UNCOMPRESSED_MAX))
        else:
            return bytes(memoryview(_scratch[0])[:size])


def _too_large() -> CorruptRecordException:
    return CorruptRecordException(f"the batch has more than {UNCOMPRESSED_MAX} bytes when decompressed")
