"""What is logged is harmless to read, bounded in size, and without secrets, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_stream.observe import log, text


class Written:
    """The log of this test."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.entries()[-1]


@pytest.fixture
def written() -> Iterator[Written]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    made = Written()
    log.configure("json", "test", made.stream)
    yield made
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure("console", "test", stream)
    yield stream
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def test_an_entry_says_when_what_and_which_process(written: Written) -> None:
    log.get(topic="t").info("batch_recorded", records=7)
    entry = written.last()
    assert list(entry)[:4] == ["at", "level", "event", "process"]
    assert entry["at"].endswith("Z")
    assert (entry["level"], entry["event"], entry["process"]) == ("info", "batch_recorded", "test")
    assert (entry["topic"], entry["records"]) == ("t", 7)


def test_bound_fields_are_on_every_entry_meanwhile(written: Written) -> None:
    with log.bound(partition=3):
        log.get().info("batch_recorded")
    log.get().info("worker_stopped")
    assert [entry.get("partition") for entry in written.entries()] == [3, None]


HOSTILE = [
    ("\x1b[31mred", "\\u001b[31mred"),
    ("one\nlevel=error two", "one\\u000alevel=error two"),
    ("\u202egnp.exe", "\\u202egnp.exe"),
    ("zero\u200bwidth", "zero\\u200bwidth"),
    ("\x9b2J", "\\u009b2J"),
    ("\ud800", "\\ud800"),
    ("\u0000", "\\u0000"),
    ("\U000e0041", "\\U000e0041"),
    ("Größe 漢字 😀", "Größe 漢字 😀"),
]


@pytest.mark.parametrize(("raw", "shown"), HOSTILE)
def test_hostile_characters_are_spelled_out(written: Written, raw: str, shown: str) -> None:
    log.get().info("record_rejected", patch_id=raw)
    assert written.last()["patch_id"] == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("password", "s3cret", "[redacted]"),
        ("kafka_sasl_password", "s3cret", "[redacted]"),
        ("Authorization", "Bearer s3cret", "[redacted]"),
        ("api_key", "s3cret", "[redacted]"),
        ("api-key", "s3cret", "[redacted]"),
        ("fields", {"token": "s3cret", "n": 1}, {"token": "[redacted]", "n": 1}),
        ("url", "postgresql://me:s3cret@db/hitl", "postgresql://me:[redacted]@db/hitl"),
        ("reason", "login failed: password=s3cret, user=me", "login failed: password=[redacted], user=me"),
        ("token_id", "T-1", "T-1"),
        ("password", None, None),
    ],
)
def test_secrets_are_blotted_out(written: Written, name: str, value: Any, shown: Any) -> None:
    log.get().info("settings_read", **{name: value})
    assert written.last()[name] == shown
    assert "s3cret" not in written.stream.getvalue()


def test_a_long_text_is_cut_and_says_so(written: Written) -> None:
    log.get().info("record_rejected", diff="x" * 1_000_000)
    assert written.last()["diff"] == "x" * 2_000 + "… (998000 more characters)"


def test_an_entry_as_a_whole_is_bounded(written: Written) -> None:
    log.get().info("record_rejected", small="kept", **{f"field_{n}": "\x1b" * 2_000 for n in range(40)})
    assert len(written.stream.getvalue()) < 17_000
    assert written.last()["small"] == "kept"


def test_an_integer_of_five_thousand_digits_is_no_reason_to_fail(written: Written) -> None:
    log.get().info("record_rejected", value=10**5_000)
    assert written.last()["value"].startswith("<integer of ")


def test_a_value_that_cannot_be_shown_is_no_reason_to_fail(written: Written) -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("no")

    log.get().info("record_rejected", value=Broken())
    assert written.last()["value"] == "<Broken: ValueError>"


def test_libraries_log_the_same_way(written: Written) -> None:
    logging.getLogger("aiokafka.consumer").warning("lost %s\npassword=s3cret", "broker")
    logging.getLogger("aiokafka.consumer").info("chatter")
    (first,) = written.entries()
    assert (first["event"], first["library"], first["level"]) == ("library_logged", "aiokafka.consumer", "warning")
    assert first["message"] == "lost broker\\u000apassword=[redacted]"


def test_a_library_that_formats_wrongly_is_still_heard(written: Written) -> None:
    logging.getLogger().handlers[0].emit(logging.makeLogRecord({"msg": "broken %d", "args": ("x",), "levelno": 40}))
    assert written.last()["message"].startswith("broken %d (")


def test_a_traceback_is_there_without_local_variables(written: Written) -> None:
    hidden = "s3" + "cret"
    try:
        raise RuntimeError("it broke" + hidden[:0])
    except RuntimeError:
        log.get().exception("batch_failed")
    exception = written.last()["exception"]
    assert exception.splitlines()[-1] == "RuntimeError: it broke"
    assert hidden not in exception


def test_no_text_can_forge_an_entry_on_the_console(console: io.StringIO) -> None:
    try:
        raise RuntimeError("x\n12:00:00 info     worker     patch_approved")
    except RuntimeError:
        log.get().exception("batch_failed", patch_id="p\n12:00:00 info     worker     patch_approved")
    lines = console.getvalue().splitlines()
    assert "batch_failed" in lines[0]
    assert all(line.startswith("    | ") for line in lines[1:])


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    stream = io.StringIO()
    log.configure("json", "test", stream)
    stream.close()
    log.get().info("worker_started")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=50), JSON, max_size=20))
def test_any_fields_come_out_printable_and_bounded(fields: dict[str, Any]) -> None:
    cleaned = text.entry(fields)
    shown = json.dumps(cleaned, ensure_ascii=False)
    assert not text._HOSTILE.search(shown)
    assert sum(len(str(value)) for value in cleaned.values()) <= text.ENTRY_CHARACTERS_MAX + 20 * text.CUT_TO
