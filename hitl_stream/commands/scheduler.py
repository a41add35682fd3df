"""`hitl-stream scheduler`: what has to be done when time passes. Start as many as you like, one is active."""

from __future__ import annotations

import asyncio

from hitl_stream import settings
from hitl_stream.contract import topics
from hitl_stream.observe import log


def run() -> None:
    """End evidence collection and reviews in time, and let go of what was kept long enough.

    One scheduler is active, by a lease in the database; the others stand by. Health and metrics are on HITL_METRICS_PORT.
    """
    from hitl_stream.duties.process import SchedulerProcess

    chosen = settings.load()
    log.configure(chosen.log_format, "scheduler")
    known = topics.load(chosen.topics_file, chosen.environment)

    async def main() -> None:
        await SchedulerProcess(chosen, known).run()

    asyncio.run(main())
    log.get().info("scheduler_stopped")
