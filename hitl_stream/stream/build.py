"""Whether the stream libraries are here as they must be: compiled, and able to read every codec a producer may use.

Without the compiled parts everything works and is several times slower; without a codec a batch cannot be read at all.
"""

from __future__ import annotations

from aiokafka import codec
from aiokafka.util import NO_EXTENSIONS
from faust import streams

CODECS = ("gzip", "snappy", "lz4", "zstd")


def missing_codecs() -> list[str]:
    """The codecs of Kafka that cannot be read here."""
    return [name for name in CODECS if not getattr(codec, f"has_{name}")()]


def not_compiled() -> list[str]:
    """The libraries that fell back to plain Python."""
    return [
        *(["faust"] if getattr(streams, "_CStreamIterator", None) is None else []),
        *(["aiokafka"] if NO_EXTENSIONS else []),
    ]
