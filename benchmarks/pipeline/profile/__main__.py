"""`python -m benchmarks.pipeline.profile`: one worker process under load, sampled for some seconds."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import load, measure
from benchmarks.pipeline.contestant import OURS
from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.profile import area
from benchmarks.pipeline.run import wait_ready
from benchmarks.pipeline.world import World

WARM_UP_S = 5.0


def main() -> int:
    """Record, group, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline.profile", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--size", type=int, default=load.SIZES[0], help="bytes of a result")
    parser.add_argument("--rate", type=int, default=200, help="samples a second")
    parser.add_argument("--raw", type=Path, help="keep the stacks here, for a flame graph")
    options = parser.parse_args()
    raw, cpu_us, events_s = record(options.size, options.seconds, options.rate)
    if options.raw:
        options.raw.write_text(raw)
    print(f"worker, one process, {load.label(options.size)}, {events_s:,.0f} events/s while sampled\n")
    print(area.render(area.count(raw), cpu_us))
    return 0


def record(size: int, seconds: int, rate: int) -> tuple[str, float, float]:
    """The stacks in py-spy's raw format, the worker's own µs of CPU per event, and events per second."""
    with World() as world, world.stage() as stage:
        children = contestants.start(OURS, stage, 1)
        try:
            wait_ready(OURS, stage, children, 1)
            with Feed(stage, size) as feed:
                time.sleep(WARM_UP_S)
                return _sample(feed, children[0].pid, seconds, rate, stage.folder / "stacks")
        finally:
            for child in children:
                child.stop()


def _sample(feed: Feed, pid: int, seconds: int, rate: int, output: Path) -> tuple[str, float, float]:
    spy = shutil.which("py-spy") or str(Path(sys.executable).with_name("py-spy"))
    command = [spy, "record", "-f", "raw", "-d", str(seconds), "-r", str(rate), "-p", str(pid), "-o", str(output)]
    events, cpu, started = feed.concluded(), measure.cpu_s([pid]), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.monotonic() - started
    events, cpu = feed.concluded() - events, measure.cpu_s([pid]) - cpu
    if done.returncode or not output.exists():
        raise SystemExit(f"py-spy failed: {done.stderr}")
    return output.read_text(), cpu / max(1, events) * 1e6, events / took


if __name__ == "__main__":
    sys.exit(main())
