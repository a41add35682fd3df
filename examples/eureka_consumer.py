"""How to consume hitl.decisions: ignore a known decision_id and any seq not above the last; then repeats are harmless.

Keeps a copy as JSON lines. A line is on the disk before its offset is committed: kill -9 at any moment loses nothing.
"""

import argparse
import json
import os
from contextlib import suppress
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException


class Copy:
    """The decisions that were accepted. The file is the only state; a line torn by a crash is cut off and read again."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("ab+", buffering=0)
        self.file.seek(0)
        lines = [line for line in self.file if line.endswith(b"\n")]
        self.file.truncate(sum(map(len, lines)))
        self.known = {json.loads(line)["decision_id"] for line in lines}
        self.last_seq = {(decision := json.loads(line))["patch_id"]: decision["seq"] for line in lines}

    def add(self, decision: dict[str, str | int]) -> None:
        if decision["decision_id"] in self.known or decision["seq"] <= self.last_seq.get(decision["patch_id"], 0):
            return
        self.file.write(json.dumps(decision).encode() + b"\n")
        self.known.add(decision["decision_id"])
        self.last_seq[decision["patch_id"]] = decision["seq"]


def follow(consumer: Consumer, copy: Copy, topic: str, until_end: bool) -> None:
    consumer.subscribe([topic])
    at_end: set[int | None] = set()
    while not until_end or at_end != set(consumer.list_topics(topic).topics[topic].partitions):
        for message in consumer.consume(num_messages=500, timeout=0.5):
            if (error := message.error()) is None:
                copy.add(json.loads(message.value() or b"")["data"])
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
            elif error.fatal():
                raise KafkaException(error)
        os.fsync(copy.file.fileno())
        with suppress(KafkaException):  # what is not committed is read again, and then ignored
            consumer.commit(asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keep a copy of every decision about a patch.")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--group", default="eureka")
    parser.add_argument("--until-end", action="store_true", help="stop when everything that is there has been read")
    given = parser.parse_args()
    reading = {"enable.auto.commit": False, "auto.offset.reset": "earliest", "enable.partition.eof": True}
    place = {"bootstrap.servers": given.bootstrap, "group.id": given.group, "session.timeout.ms": 6000}
    follow(Consumer(reading | place), Copy(given.out), "hitl.decisions", given.until_end)
