"""`/livez`, `/readyz` and `/metrics`: alive is the loop, ready is what its owner says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import Fatal
from hitl_stream.observe import health
from hitl_stream.observe.health import Health


@asynccontextmanager
async def serving(about: Health, port: int | None = None) -> AsyncIterator[int]:
    """Serve on a port, by default a free one; yields the one that was had."""
    await about.serve("127.0.0.1", port or free_port())
    assert about.port is not None
    try:
        yield about.port
    finally:
        await about.close()


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("missing", "status", "text"),
    [
        ([], 200, '{"ready": true, "missing": []}'),
        (["postgres"], 503, '{"ready": false, "missing": ["postgres"]}'),
        (["assignment", "kafka"], 503, '{"ready": false, "missing": ["assignment", "kafka"]}'),
    ],
)
async def test_ready_names_what_is_missing_and_alive_does_not_care(missing: list[str], status: int, text: str) -> None:
    async with serving(Health(lambda: missing, lambda: None)) as port:
        assert await get(port, "/readyz") == (status, text)
        assert await get(port, "/livez") == (200, "ok\n")


async def test_a_loop_that_was_very_late_is_not_alive() -> None:
    about = Health(list, lambda: None)
    about._lags_s.append(health.LOOP_LAG_MAX_S + 1)
    async with serving(about) as port:
        assert await get(port, "/livez") == (503, "the loop was 6.0 s late\n")


async def test_metrics_are_in_the_text_format() -> None:
    async with serving(Health(list, lambda: None)) as port:
        status, text = await get(port, "/metrics")
    assert status == 200
    assert "# TYPE hitl_breaker_open gauge" in text


async def test_where_the_port_is_taken_a_free_one_serves() -> None:
    async with serving(Health(list, lambda: None)) as port, serving(Health(list, lambda: None), port) as other:
        assert other != port
        assert await get(other, "/livez") == (200, "ok\n")


async def test_an_address_that_is_not_ours_is_fatal_and_named() -> None:
    with pytest.raises(Fatal, match=r"cannot serve health and metrics on 192\.0\.2\.1:9"):
        await Health(list, lambda: None).serve("192.0.2.1", 9)
