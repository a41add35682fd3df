"""Damages batches where the broker keeps them. It checks what is produced and never what it hands out, so this is fetched."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from aiokafka.record.util import calc_crc32c

from hitl_stream.stream import salvage

LENGTH, CRC, ATTRIBUTES, LAST_DELTA, COUNT, RECORDS = 8, 17, 21, 23, 57, 61

Damage = Callable[[bytearray], None]


class Segment:
    """The log of one partition. Sizes stay as they are, because the broker remembers them."""

    def __init__(self, data: Path, topic: str, partition: int) -> None:
        self._file = data / f"{topic}-{partition}" / "00000000000000000000.log"

    def damage(self, offset: int, change: Damage, *, checksum: bool) -> None:
        """Change the batch that begins at this offset; with `checksum` its checksum fits afterwards."""
        raw = self._file.read_bytes()
        start = 0
        for batch in salvage.batches(raw):
            if batch.base_offset == offset:
                changed = bytearray(batch.raw)
                change(changed)
                if checksum:
                    seal(changed)
                assert len(changed) == len(batch.raw)
                with self._file.open("r+b") as file:
                    file.seek(start)
                    file.write(changed)
                return
            start += len(batch.raw)
        raise AssertionError(f"no batch begins at {offset}")


def seal(batch: bytearray) -> None:
    """Let its checksum fit."""
    struct.pack_into(">I", batch, CRC, calc_crc32c(bytes(batch[ATTRIBUTES:])))


def flip(batch: bytearray) -> None:
    """One bit of the last record."""
    batch[-2] ^= 1


def codec(number: int) -> Damage:
    """Say that it is compressed by this codec."""

    def change(batch: bytearray) -> None:
        batch[ATTRIBUTES + 1] = batch[ATTRIBUTES + 1] & ~7 | number

    return change


def rubbish(batch: bytearray) -> None:
    """Nothing of the records is left."""
    batch[RECORDS:] = b"\xff" * (len(batch) - RECORDS)


def claim(length: bytes) -> Damage:
    """Begin the compressed bytes with another length."""

    def change(batch: bytearray) -> None:
        batch[RECORDS : RECORDS + len(length)] = length

    return change


def count(records: int) -> Damage:
    """Say that there are so many records."""

    def change(batch: bytearray) -> None:
        struct.pack_into(">i", batch, COUNT, records)

    return change


def last_delta(difference: int) -> Damage:
    """Say that the last record is so many offsets behind the first."""

    def change(batch: bytearray) -> None:
        struct.pack_into(">i", batch, LAST_DELTA, difference)

    return change


def length(size: int) -> Damage:
    """Say that the batch has so many bytes behind this field."""

    def change(batch: bytearray) -> None:
        struct.pack_into(">i", batch, LENGTH, size)

    return change


def name(before: bytes, after: bytes) -> Damage:
    """Call a header otherwise, by as many bytes."""

    def change(batch: bytearray) -> None:
        at = batch.index(before)
        batch[at : at + len(before)] = after

    return change
