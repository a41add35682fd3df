"""Several worker processes under one parent, one per core: the parent starts them, passes signals on, and ends with them.

It restarts nothing: whoever runs the parent does. When a child ends by itself the others are ended too, and the parent's code
is the child's, so that a container never runs at half strength unnoticed. Children see their parent's death and end.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress

from hitl_stream.observe import log

MARGIN_S = 5.0


def run(commands: Sequence[Sequence[str]], environments: Sequence[dict[str, str]], grace_s: float) -> int:
    """Run these commands side by side until asked to end, or until one ends. Returns the exit code."""
    return asyncio.run(_run(commands, environments, grace_s))


async def _run(commands: Sequence[Sequence[str]], environments: Sequence[dict[str, str]], grace_s: float) -> int:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    children = [
        await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=environment)
        for command, environment in zip(commands, environments, strict=True)
    ]
    endings = [asyncio.create_task(child.wait()) for child in children]
    asking = asyncio.create_task(asked.wait())
    await asyncio.wait({*endings, asking}, return_when=asyncio.FIRST_COMPLETED)
    codes = [ending.result() for ending in endings if ending.done()]
    if codes and not asked.is_set():
        log.get().error("child_ended", code=codes[0])
    _signal(children, signal.SIGTERM)
    _, hanging = await asyncio.wait(endings, timeout=grace_s + MARGIN_S)
    _signal(children, signal.SIGKILL)
    if hanging:
        await asyncio.wait(hanging)
    codes += [ending.result() for ending in endings]
    return next((abs(code) for code in codes if code), 0)


def _signal(children: Sequence[Process], number: signal.Signals) -> None:
    """Signal those that have not ended. Not by their own method: it would fetch the code of one that just did, and lose it."""
    for child in children:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)
