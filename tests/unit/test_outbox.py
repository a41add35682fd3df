"""Rows of the outbox: what goes in comes out, and no row grows with what upstream sent."""

from __future__ import annotations

from hitl_stream.contract.record import Message
from hitl_stream.store import outbox

NAME = "h" * 1_000


def test_messages_come_out_of_their_rows_as_they_went_in() -> None:
    messages = [
        Message("decisions", b"p", bytes(300_000)),
        Message("dead_letters", None, None, (("a", None), ("a", b""), ("\U0001d54f", b"\xff"))),
        Message("dead_letters", bytes(2_000_000), b"v"),
    ]
    rows = outbox.pack(messages * 5)
    assert [message for row in rows for message in outbox.unpack(row)] == messages * 5


def test_keys_and_headers_count_for_what_a_row_holds() -> None:
    for fat in (Message("t", bytes(400_000), None), Message("t", None, None, ((NAME, bytes(300_000)),))):
        assert [len(row) // 4 for row in outbox.pack([fat] * 5)] == [2, 2, 1]
