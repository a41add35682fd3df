"""Reads what hitl-stream publishes and tells it, one line per decision: what any consumer of the topics could see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event as Flag
from typing import Any

import orjson

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.follower import Follower
from hitl_stream.contract.record import StoredRecord
from hitl_stream.contract.topics import Topics

REASONS_MAX = 3
POLL_S = 0.1

Tell = Callable[[str, str, str], None]


class Watcher:
    """Follows the outgoing topics from their start. `tell` gets (verdict, patch id, more)."""

    def __init__(self, connection: KafkaConnection, topics: Topics, tell: Tell) -> None:
        self._reviews = topics.physical("pending_review")
        self._dead_letters = topics.physical("dead_letters")
        self._tell = tell
        names = (topics.physical("decisions"), self._reviews, self._dead_letters)
        self._follower = Follower(connection, names, from_start=True)

    def run(self, stop: Flag) -> None:
        """Tell everything until `stop` is set."""
        while not stop.is_set():
            for record in self._follower.read(POLL_S):
                self._show(record)
        self._follower.close()

    def _show(self, record: StoredRecord) -> None:
        if record.topic == self._dead_letters:
            headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
            place = f"{headers['hitl_topic']}[{headers['hitl_partition']}]@{headers['hitl_offset']}"
            subject = (record.key or b"").decode("utf-8", "replace")
            self._tell("dead letter", subject, f"{place}: {headers['hitl_reason']}")
            return
        data = orjson.loads(record.value or b"")["data"]
        if record.topic == self._reviews:
            self._tell("pending", data["patch_id"], explain(data["reasons"]))
        else:
            who = f"by {data['decided_by']}" + (f" ({data['comment']})" if data["comment"] else "")
            self._tell(data["decision"], data["patch_id"], f"{who}: {explain(data['reasons'])}")


def explain(reasons: list[Mapping[str, Any]]) -> str:
    """The first few reasons in words."""
    told = [f"{reason['rule']}: {reason['detail']}" for reason in reasons[:REASONS_MAX]]
    return "; ".join(told) + ("; …" if len(reasons) > REASONS_MAX else "")
