"""Stacks to areas. The frame nearest to the leaf that belongs to one decides; the event loop gets what is left.

py-spy's raw format is one line a stack: `frame (file:line);…;frame (file:line) count`, the leaf last. A thread that waits is no
work, but not every kernel lets py-spy see that it does: the leaves that only wait are left out here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

OTHER = "other"

# (area, marks): a frame belongs to an area when one of its marks is in "function (path".
AREAS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("COPY encoding", ("copy_records_to_table", "_copy_in")),
    ("outgoing JSON", ("contract/encode.py",)),
    ("ids and digests", ("contract/digest.py",)),
    (
        "decode and validation",
        (
            "contract/decode.py", "contract/envelope.py", "contract/lean.py", "contract/proof.py", "contract/strict_json.py",
            "contract/model.py", "contract/vocabulary.py", "store/batch.py",
        ),
    ),
    (
        "ledger, life cycle, policy",
        ("store/ledger.py", "store/surroundings.py", "hitl_stream/review/", "hitl_stream/policy/", "contract/fold.py"),
    ),
    (
        "publish",
        ("stream/publisher.py", "stream/producer.py", "aiokafka/producer/", "store/outbox.py", "aiokafka/partitioner.py"),
    ),
    (
        "fetch",
        (
            "stream/fetch.py", "stream/portion.py", "stream/salvage.py", "stream/transport.py", "stream/record_list.py",
            "aiokafka/consumer/", "aiokafka/record/",
        ),
    ),
    ("statements", ("(asyncpg/", "store/statement.py", "store/writing.py", "store/database.py", "store/position.py")),
    ("Kafka sockets", ("aiokafka/conn.py", "aiokafka/client.py", "aiokafka/")),
    ("metrics and log", ("prometheus_client/", "hitl_stream/observe/", "structlog/")),
    ("batches and recording", ("store/recording.py", "stream/intake.py", "stream/inbox.py", "stream/agent.py")),
    ("Faust", ("(faust/", "(mode/")),
)  # fmt: skip
WAITING = ("select (selectors.py", "wait (threading.py", "_worker (concurrent/futures/thread.py", "_worker (thread.py")
LOOP = ("event loop", ("(asyncio/", "(selectors.py"))


def area_of(frames: Iterable[str]) -> str:
    """The area of one stack, root first."""
    leaf_first = list(frames)[::-1]
    for frame in leaf_first:
        for area, marks in AREAS:
            if any(mark in frame for mark in marks):
                return area
    name, marks = LOOP
    return name if any(mark in frame for frame in leaf_first for mark in marks) else OTHER


def count(raw: str) -> Counter[str]:
    """Samples by area of a recording in py-spy's raw format."""
    samples: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = stack.split(";")
        if number.isdigit() and not any(mark in frames[-1] for mark in WAITING):
            samples[area_of(frames)] += int(number)
    return samples


def render(samples: Counter[str], cpu_us: float) -> str:
    """A Markdown table: share of the samples, and that share of the worker's µs per event."""
    total = sum(samples.values()) or 1
    lines = ["| area | share | µs per event |", "|---|--:|--:|"]
    lines += [
        f"| {name} | {number / total:.1%} | {cpu_us * number / total:.1f} |" for name, number in samples.most_common()
    ]
    return "\n".join([*lines, f"| **all** | {total} samples | **{cpu_us:.1f}** |"])
