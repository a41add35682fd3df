"""What a process keeps of memory that it has freed, seen from outside: in a process of its own, by what the kernel counts."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

BLOCKS = 10
BLOCK_MIB = 8
# What outlives a batch lies between large blocks, as it does in a worker; a large block has been freed before.
STORY = f"""
import sys, psutil
from hitl_stream.observe import memory

if sys.argv[1] == "settled":
    memory.settle()
bytearray(20 * 2**20)
before = psutil.Process().memory_info().rss
large, lasting = [], []
for _ in range({BLOCKS}):
    large.append(bytearray(b"x") * ({BLOCK_MIB} * 2**20))
    lasting.append(bytearray(4096))
large.clear()
print(psutil.Process().memory_info().rss - before)
"""


def kept(how: str) -> int:
    """Bytes by which the process is larger afterwards."""
    done = subprocess.run([sys.executable, "-c", STORY, how], check=True, capture_output=True, text=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator has other habits")
def test_large_blocks_that_are_freed_go_back_to_the_system_whatever_lies_between_them() -> None:
    whole = BLOCKS * BLOCK_MIB * 2**20
    assert kept("settled") < whole / 10
    assert kept("as it comes") > whole / 2  # or this test would say nothing
