"""The example of a consumer: repeats and zombies are ignored, and kill -9 loses nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.publisher import Outgoing, Publisher
from tests.demo.conftest import ROOT
from tests.harness import wait

EXAMPLE = ROOT / "examples" / "eureka_consumer.py"
TOPIC = "hitl.decisions"


def command(bootstrap: str, out: Path, *more: str) -> list[str]:
    return [sys.executable, str(EXAMPLE), "--bootstrap", bootstrap, "--out", str(out), *more]


def message(decision_id: str, patch_id: str, seq: int) -> Outgoing:
    content = {"decision_id": decision_id, "patch_id": patch_id, "seq": seq, "decision": "approved"}
    return Outgoing(patch_id.encode(), orjson.dumps({"data": content}))


def copied(out: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.read_bytes().splitlines()] if out.exists() else []


def test_a_known_id_and_an_old_number_are_ignored(mock_kafka: str, tmp_path: Path) -> None:
    out = tmp_path / "copy.jsonl"
    first, second, third = message("a", "p", 1), message("b", "p", 2), message("c", "p", 3)
    stranger = message("d", "p", 2)
    publisher = Publisher(KafkaConnection(mock_kafka))
    publisher.publish(TOPIC, [first, first, second, first, stranger, third, second, message("e", "q", 1)])
    subprocess.run(command(mock_kafka, out, "--until-end"), check=True, timeout=60)
    kept = [(d["patch_id"], d["seq"], d["decision_id"]) for d in copied(out)]
    assert sorted(kept) == [("p", 1, "a"), ("p", 2, "b"), ("p", 3, "c"), ("q", 1, "e")]


def test_kill_nine_loses_nothing_and_doubles_nothing(mock_kafka: str, tmp_path: Path) -> None:
    out = tmp_path / "copy.jsonl"
    publisher = Publisher(KafkaConnection(mock_kafka))
    wanted = [(f"p-{n % 20}", n // 20 + 1) for n in range(2_000)]
    publisher.publish(TOPIC, [message(f"id-{patch_id}-{seq}", patch_id, seq) for patch_id, seq in wanted])
    process = subprocess.Popen(command(mock_kafka, out))
    wait.until(lambda: out.exists() and out.stat().st_size > 0, 30)
    process.kill()
    process.wait()
    with out.open("ab") as file:
        file.write(b'{"decision_id": "torn')  # as a crash in the middle of a write leaves it
    subprocess.run(command(mock_kafka, out, "--until-end"), check=True, timeout=60)
    kept = [(d["patch_id"], d["seq"]) for d in copied(out)]
    assert sorted(kept) == sorted(wanted)
    assert all([seq for who, seq in kept if who == patch_id] == list(range(1, 101)) for patch_id, _ in wanted[:20])
