"""Spans by OTLP over HTTP, where HITL_TRACES_ENDPOINT says so. The only importer of OpenTelemetry.

Whether an event or request is traced its sender says (the sampled flag of `traceparent`, W3C Trace Context): nothing begins a
trace here. A span is made when what it tells of is over, and nothing waits for one: what the collector does not take is lost
and counted. Headers for the collector, a key for example, are OpenTelemetry's own OTEL_EXPORTER_OTLP_HEADERS.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from hitl_stream import __version__
from hitl_stream.errors import Fatal
from hitl_stream.observe import log, metrics

Kind = Literal["consumer", "server"]
Attributes = Mapping[str, str | int]

ATTRIBUTE_CHARACTERS_MAX: Final = 256
WAITING_MAX: Final = 8_192
BATCH_MAX: Final = 512
EVERY_MS: Final = 1_000
EXPORT_S: Final = 5.0
FLUSH_S: Final = 2.0
_IDS: Final = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][13579bdf]"
_SAMPLED: Final = re.compile(
    rf"00{_IDS}|(?!00|ff)[0-9a-f]{{2}}{_IDS}(?:-.*)?"
)  # later versions may say more at the end


class _Exporting:
    """What a process needs for its spans, loaded only where there are any."""

    def __init__(self, endpoint: str, process: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import ReadableSpan
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        except ImportError as failure:
            raise Fatal(f"HITL_TRACES_ENDPOINT needs what `hitl-stream[tracing]` installs: {failure}") from failure
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what it has to say of a failure we say once
        self._span, self._context, self._flags = ReadableSpan, trace.SpanContext, trace.TraceFlags(1)
        self._kinds = {"consumer": trace.SpanKind.CONSUMER, "server": trace.SpanKind.SERVER}
        self._statuses = {True: trace.Status(trace.StatusCode.ERROR), False: trace.Status()}
        self._resource = Resource.create({"service.name": process, "service.version": __version__})
        self._scope = InstrumentationScope("hitl_stream", __version__)
        self._inner: Any = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_S)
        self._away = False
        self._made = self._gone = 0  # by the loop's thread, by the exporter's
        self._processor = BatchSpanProcessor(
            cast(SpanExporter, self),
            max_queue_size=2 * WAITING_MAX,
            max_export_batch_size=BATCH_MAX,
            schedule_delay_millis=EVERY_MS,
            export_timeout_millis=EXPORT_S * 1000,
        )

    def end(
        self,
        name: str,
        kind: Kind,
        traceparent: str,
        began_ns: int,
        attributes: Attributes,
        *,
        failed: bool,
    ) -> None:
        if self._made - self._gone >= WAITING_MAX:
            metrics.SPANS_LOST.inc()
            return
        _, trace_id, parent_id, *_ = traceparent.split("-", 3)
        trace_number = int(trace_id, 16)
        span = self._span(
            name,
            self._context(trace_number, random.getrandbits(64) | 1, is_remote=False, trace_flags=self._flags),
            self._context(trace_number, int(parent_id, 16), is_remote=True, trace_flags=self._flags),
            self._resource,
            attributes,
            kind=self._kinds[kind],
            status=self._statuses[failed],
            start_time=began_ns,
            end_time=max(began_ns, time.time_ns()),  # the clock may have been set back
            instrumentation_scope=self._scope,
        )
        self._made += 1
        self._processor.on_end(span)

    def stop(self) -> None:
        """Send what is left. A collector that did not answer before is not asked again."""
        if not self._away:
            thread = threading.Thread(target=self._processor.shutdown, name="traces", daemon=True)
            thread.start()
            thread.join(FLUSH_S)

    def export(self, spans: Sequence[Any]) -> Any:
        """What the processor's thread hands over, to the collector; says once that it is away, and once that it is back."""
        result = self._inner.export(spans)
        self._gone += len(spans)
        away = result.name != "SUCCESS"
        if away:
            metrics.SPANS_LOST.inc(len(spans))
        if away != self._away:
            self._away = away
            log.get().warning("collector_away" if away else "collector_back")
        return result

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return bool(self._inner.force_flush(timeout_millis))

    def shutdown(self) -> None:
        self._inner.shutdown()


class _Now:
    """What this process exports by, while it does."""

    exporting: _Exporting | None = None


def start(endpoint: str | None, process: str) -> None:
    """Export the spans of this process from now on; without an endpoint there are none. Raises Fatal."""
    if endpoint is None:
        _Now.exporting = None
        return
    try:
        _Now.exporting = _Exporting(endpoint, process)
    except ValueError as failure:
        raise Fatal(f"spans cannot be exported, look at OTEL_…: {failure}") from failure
    log.get().info("traces_exported", endpoint=endpoint)


def stop() -> None:
    """Send what is left, as far as that is possible within two seconds."""
    ending, _Now.exporting = _Now.exporting, None
    if ending is not None:
        ending.stop()


def wanted(traceparent: str | None) -> bool:
    """Whether spans are exported, and the sender of this text asked for them. What is no `traceparent` asks for nothing."""
    return _Now.exporting is not None and traceparent is not None and _SAMPLED.fullmatch(traceparent) is not None


def end(
    name: str,
    kind: Kind,
    traceparent: str,
    began_ns: int,
    attributes: Attributes,
    *,
    failed: bool = False,
) -> None:
    """Something that was `wanted` is over now; `began_ns` by the clock of the day. Texts are cut. Never raises."""
    if _Now.exporting is None:
        return
    short = {
        key: value[:ATTRIBUTE_CHARACTERS_MAX] if isinstance(value, str) else value for key, value in attributes.items()
    }
    try:
        _Now.exporting.end(name, kind, traceparent, began_ns, short, failed=failed)
    except Exception as bug:  # noqa: BLE001 - of a library, about a span: no reason to end anything
        metrics.SPANS_LOST.inc()
        log.get().warning("span_not_made", reason=repr(bug))
