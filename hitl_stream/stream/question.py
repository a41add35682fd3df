"""Asks the broker's administration from the loop: in a thread, and with one of two answers besides the right one.

Either Kafka cannot say it at the moment, as for a while after a restart, or it refuses for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from aiokafka.errors import for_code

from hitl_stream.broker.admin import AdminRefused
from hitl_stream.errors import Unavailable
from hitl_stream.stream.breaker import BrokerAway

LEADER_EPOCHS = (74, 75)  # fenced, unknown: the answer is older or newer than what was asked with; aiokafka lacks them

Answer = TypeVar("Answer")


async def ask(question: Callable[..., Answer], *arguments: Any) -> Answer:
    """The answer. Raises BrokerAway, AdminRefused."""
    try:
        return await asyncio.to_thread(question, *arguments)
    except Unavailable as failure:
        raise BrokerAway(str(failure)) from failure
    except AdminRefused as failure:
        if _passes(failure):
            raise BrokerAway(f"Kafka: {failure}") from failure
        raise


def _passes(failure: AdminRefused) -> bool:
    """Whether the broker's code means that it may answer later; librdkafka marks none of its administration as such."""
    cause: Any = failure.__cause__
    code = cause.args[0].code() if cause is not None else 0
    return code in LEADER_EPOCHS or bool(getattr(for_code(code), "retriable", False))
