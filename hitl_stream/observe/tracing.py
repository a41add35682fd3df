"""Spans by OTLP over HTTP, where HITL_TRACES_ENDPOINT says so. The only importer of OpenTelemetry.

Whether an event or request is traced its sender says (the sampled flag of `traceparent`, W3C Trace Context): nothing begins a
trace here. A span is made when what it tells of is over, and nothing waits for one: what the collector does not take is lost.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from hitl_stream import __version__
from hitl_stream.errors import Fatal
from hitl_stream.observe import log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

Kind = Literal["consumer", "server"]
Attributes = Mapping[str, str | int]

ATTRIBUTE_CHARACTERS_MAX: Final = 256
_SAMPLED: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][13579bdf]")
QUEUE_MAX: Final = 16_384
BATCH_MAX: Final = 2_048
EXPORT_S: Final = 5.0
FLUSH_S: Final = 2.0


class _Exporting:
    """What a process needs for its spans, loaded only where there are any."""

    def __init__(self, endpoint: str, process: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import ReadableSpan
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        except ModuleNotFoundError as failure:
            raise Fatal(f"HITL_TRACES_ENDPOINT needs what `hitl-stream[tracing]` installs: {failure}") from failure
        self._span, self._context, self._flags = ReadableSpan, trace.SpanContext, trace.TraceFlags(1)
        self._kinds = {"consumer": trace.SpanKind.CONSUMER, "server": trace.SpanKind.SERVER}
        self._resource = Resource.create({"service.name": process, "service.version": __version__})
        self._scope = InstrumentationScope("hitl_stream", __version__)
        self.processor: BatchSpanProcessor = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_S),
            max_queue_size=QUEUE_MAX,
            max_export_batch_size=BATCH_MAX,
        )

    def end(
        self, name: str, kind: Kind, traceparent: str, began_ns: int, ended_ns: int, attributes: Attributes
    ) -> None:
        _, trace_id, parent_id, _ = traceparent.split("-", 3)
        trace_number = int(trace_id, 16)
        span = self._span(
            name,
            self._context(trace_number, random.getrandbits(64) | 1, is_remote=False, trace_flags=self._flags),
            self._context(trace_number, int(parent_id, 16), is_remote=True, trace_flags=self._flags),
            self._resource,
            attributes,
            kind=self._kinds[kind],
            start_time=began_ns,
            end_time=ended_ns,
            instrumentation_scope=self._scope,
        )
        self.processor.on_end(span)


class _Now:
    """What this process exports by, while it does."""

    exporting: _Exporting | None = None


def start(endpoint: str | None, process: str) -> None:
    """Export the spans of this process from now on; without an endpoint there are none. Raises Fatal."""
    _Now.exporting = None if endpoint is None else _Exporting(endpoint, process)
    if endpoint is not None:
        log.get().info("traces_exported", endpoint=endpoint)


def stop() -> None:
    """Send what is left, as far as that is possible within two seconds."""
    ending, _Now.exporting = _Now.exporting, None
    if ending is not None:  # a collector that does not answer may hold its thread for longer
        thread = threading.Thread(target=ending.processor.shutdown, name="traces", daemon=True)
        thread.start()
        thread.join(FLUSH_S)


def wanted(traceparent: str | None) -> bool:
    """Whether spans are exported, and the sender of this text asked for them. What is no `traceparent` asks for nothing."""
    return _Now.exporting is not None and traceparent is not None and _SAMPLED.fullmatch(traceparent) is not None


def end(name: str, kind: Kind, traceparent: str, began_ns: int, attributes: Attributes) -> None:
    """Something that was `wanted` is over now; `began_ns` by the clock of the day. Texts are cut."""
    if _Now.exporting is not None:
        short = {
            key: value[:ATTRIBUTE_CHARACTERS_MAX] if isinstance(value, str) else value
            for key, value in attributes.items()
        }
        _Now.exporting.end(name, kind, traceparent, began_ns, time.time_ns(), short)
