"""The agents of the stream engine: they hand what arrives to the inbox. Nothing can go wrong here, and nothing may wait.

An exception that left an agent would lose its list and restart it; a bug is therefore given to `fail`, which ends the process.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable

import faust

from hitl_stream.stream.inbox import Inbox
from hitl_stream.stream.record_list import RecordList
from hitl_stream.stream.transport import ListSchema


def register(app: faust.App, topics: Iterable[str], inbox: Inbox, fail: Callable[[BaseException], None]) -> None:
    """One agent for each input topic."""
    for topic in topics:
        channel = app.topic(topic, schema=ListSchema(), acks=False)  # what is recorded is the acknowledgement

        async def hand_over(stream: AsyncIterable[RecordList]) -> None:
            async for arrived in stream:
                try:
                    inbox.put(arrived)
                except Exception as bug:  # noqa: BLE001 - whatever it is, it must not leave the agent
                    fail(bug)

        app.agent(channel, name=f"hitl_stream.{topic}")(hand_over)
