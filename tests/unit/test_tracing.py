"""Spans: under the trace of whoever asked for them, with nothing that waits for a collector."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from hitl_stream.embedded.postgres import free_port
from hitl_stream.observe import metrics, tracing
from tests.harness import wait
from tests.harness.spans import Spans

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
CONSUMER = 5


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    tracing.stop()


def test_a_span_hangs_below_that_of_the_sender() -> None:
    with Spans() as spans:
        tracing.start(spans.endpoint, "hitl-worker")
        began_ns = time.time_ns() - 250_000_000
        for patch_id in ("p-1", "p-2"):
            tracing.end("process results", "consumer", SAMPLED, began_ns, {"hitl.patch_id": patch_id, "offset": 7})
        tracing.stop()
        first, second = sorted(spans.found, key=lambda span: str(span.attributes["hitl.patch_id"]))
    assert (first.process, first.name, first.kind) == ("hitl-worker", "process results", CONSUMER)
    assert (first.trace_id, first.parent_id) == (TRACE, PARENT)
    assert first.attributes == {"hitl.patch_id": "p-1", "offset": 7}
    assert 0.25 <= first.seconds < 5
    assert len({first.span_id, second.span_id, PARENT}) == 3


def test_texts_from_outside_are_cut() -> None:
    with Spans() as spans:
        tracing.start(spans.endpoint, "hitl-worker")
        tracing.end("process results", "consumer", SAMPLED, time.time_ns(), {"hitl.patch_id": "\x1b\u202e" * 9_999})
        tracing.stop()
        (span,) = spans.found
    assert len(str(span.attributes["hitl.patch_id"])) == tracing.ATTRIBUTE_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("traceparent", "wanted"),
    [
        (SAMPLED, True),
        (f"00-{TRACE}-{PARENT}-03", True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-02", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"01-{TRACE}-{PARENT}-01-of-the-future", True),
        (f"00-{TRACE}-{PARENT}-01-of-the-future", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        ("nonsense", False),
        ("", False),
        (None, False),
    ],
)
def test_only_who_asks_for_a_trace_gets_one(traceparent: str | None, wanted: bool) -> None:
    assert not tracing.wanted(traceparent), "without an endpoint nobody is traced"
    tracing.start(f"http://127.0.0.1:{free_port()}/v1/traces", "hitl-worker")
    assert tracing.wanted(traceparent) is wanted


def test_a_collector_that_is_not_there_holds_nothing_up_and_is_spoken_of_once() -> None:
    before = lost()
    with capture_logs() as lines:
        tracing.start(f"http://127.0.0.1:{free_port()}/v1/traces", "hitl-worker")
        for _ in range(tracing.WAITING_MAX + 100):
            tracing.end("process results", "consumer", SAMPLED, time.time_ns(), {})
        wait.until(lambda: lost() - before > 100, 30)
        began = time.monotonic()
        tracing.stop()
    assert time.monotonic() - began < tracing.FLUSH_S / 2
    assert [line["event"] for line in lines] == ["traces_exported", "collector_away"]


def test_a_span_that_cannot_be_made_ends_nothing() -> None:
    with Spans() as spans, capture_logs() as lines:
        tracing.start(spans.endpoint, "hitl-worker")
        before = lost()
        tracing.end("process results", "consumer", "not-what-was-promised-to-be", time.time_ns(), {})
        tracing.stop()
        assert (spans.found, lost() - before) == ([], 1)
    assert [line["event"] for line in lines] == ["traces_exported", "span_not_made"]


def lost() -> float:
    return metrics.REGISTRY.get_sample_value("hitl_spans_lost_total") or 0.0


def test_without_an_endpoint_nothing_happens() -> None:
    tracing.start(None, "hitl-worker")
    tracing.end("process results", "consumer", SAMPLED, time.time_ns(), {})
    assert not tracing.wanted(SAMPLED)
