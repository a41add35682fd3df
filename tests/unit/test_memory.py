"""What a process keeps of memory that it has freed, seen from outside: in a process of its own, by what the kernel counts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

BLOCKS = 10
BLOCK_MIB = 8
# What outlives a batch lies between large blocks, as it does in a worker; a larger one has been freed before.
STORY = f"""
import asyncio, sys, psutil
from hitl_stream.observe import memory

memory.GIVE_BACK_EVERY_S = 0.01

async def main():
    if sys.argv[1] == "settled":
        memory.settle()
    bytearray(20 * 2**20)
    before = psutil.Process().memory_info().rss
    for _ in range(2):
        large, lasting = [], []
        for _ in range({BLOCKS}):
            large.append(bytearray(b"x") * ({BLOCK_MIB} * 2**20))
            lasting.append(bytearray(4096))
        large.clear()
        await asyncio.sleep(0.1)
        print(psutil.Process().memory_info().rss - before)

asyncio.run(main())
"""


def kept(how: str) -> list[int]:
    """Bytes by which the process is larger after each batch."""
    done = subprocess.run([sys.executable, "-c", STORY, how], check=True, capture_output=True, text=True, timeout=60)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator has other habits")
def test_what_is_freed_goes_back_to_the_system_again_and_again_whatever_lies_between() -> None:
    whole = BLOCKS * BLOCK_MIB * 2**20
    assert max(kept("settled")) < whole / 10
    assert min(kept("as it comes")) > whole / 2  # or this test would say nothing
