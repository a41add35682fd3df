"""What a process keeps of memory that it has freed, seen from outside: in a process of its own, by what the kernel counts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

BLOCKS = 10
BLOCK_MIB = 8
WHOLE = BLOCKS * BLOCK_MIB * 2**20
# What outlives a batch lies between large blocks, as it does in a worker; a larger one has been freed before.
STORY = f"""
import asyncio, psutil, sys
from hitl_stream.observe import memory
from tests.harness import wait

memory.GIVE_BACK_EVERY_S = 0.01
settled = sys.argv[1] == "settled"
lasting = []

def resident():
    return psutil.Process().memory_info().rss

def batch():
    large = []
    for _ in range({BLOCKS}):
        large.append(bytearray(b"x") * ({BLOCK_MIB} * 2**20))
        lasting.append(bytearray(2**17))  # larger than the holes that loading left

async def main():
    if settled:
        memory.settle()
    bytearray(20 * 2**20)
    before = resident()

    async def small():
        return resident() - before < {WHOLE} / 10

    for _ in range(2):
        batch()
        if settled:
            await wait.until_async(small)
        print(resident() - before)

asyncio.run(main())
"""


def kept(how: str) -> list[int]:
    """Bytes by which the process is larger after each batch; once it is settled, when they have gone back, or it fails."""
    done = subprocess.run([sys.executable, "-c", STORY, how], check=True, capture_output=True, text=True, timeout=60)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator has other habits")
def test_what_is_freed_goes_back_to_the_system_again_and_again_whatever_lies_between() -> None:
    assert max(kept("settled")) < WHOLE / 10
    assert min(kept("as it comes")) > WHOLE / 2  # or this test would say nothing
