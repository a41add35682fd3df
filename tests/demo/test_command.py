"""send and smoke against everything running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.broker.follower import Follower
from hitl_stream.commands import send, smoke
from hitl_stream.contract.record import StoredRecord
from tests.event import data
from tests.harness import wait

app = typer.Typer()
app.command("send")(send.run)
app.command("smoke")(smoke.run)


def run(*arguments: str, env: dict[str, str], stdin: bytes = b"") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, env=env, input=stdin)
    return result.exit_code, result.stdout, result.stderr


def lines(*contents: dict[str, Any] | bytes) -> bytes:
    return b"".join((one if isinstance(one, bytes) else orjson.dumps(one)) + b"\n" for one in contents)


def read_all(follower: Follower, count: int) -> list[StoredRecord]:
    read: list[StoredRecord] = []

    def enough() -> bool:
        read.extend(follower.read(0.1))
        return len(read) >= count

    wait.until(enough)
    return read


@pytest.fixture
def follower(connection: KafkaConnection) -> Any:
    made = Follower(connection, ["wargaming.results"], from_start=False)
    yield made
    made.close()


def test_bare_data_and_whole_events_are_sent(environment: dict[str, str], follower: Follower, tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "s-1", "source": "/wargaming/own", "type": "wargaming.result.v1"}
    whole = {**event, "data": data(patch_id="sent-2", apv_id="sent-2")}
    file = tmp_path / "results.jsonl"
    file.write_bytes(lines(data(patch_id="sent-1", apv_id="sent-1"), b"", whole))
    code, out, _ = run("send", str(file), env=environment)
    assert (code, out) == (0, "2 sent to wargaming.results\n")
    read = {record.key: record for record in read_all(follower, 2)}
    assert read.keys() == {b"sent-1", b"sent-2"}
    assert dict(read[b"sent-1"].headers)["ce_source"] == b"/wargaming/send"
    assert dict(read[b"sent-2"].headers)["content-type"] == b"application/cloudevents+json"
    assert read[b"sent-2"].value == orjson.dumps(whole)


def test_nothing_is_sent_when_a_line_is_bad(environment: dict[str, str]) -> None:
    content = lines(data(patch_id="sent-3"), data(ml__confidence=1.01), b"{cut o")
    code, out, err = run("send", "-", env=environment, stdin=content)
    assert (code, out) == (1, "0 sent to wargaming.results, 2 bad\n")
    assert [line.split(":")[0] for line in err.splitlines()] == ["line 2", "line 3"]
    assert "confidence" in err


def test_bad_lines_are_sent_as_they_are_when_that_is_wanted(environment: dict[str, str], follower: Follower) -> None:
    code, out, _ = run("send", "-", "--allow-bad", "--output", "json", env=environment, stdin=lines(b"{cut o"))
    assert code == 0
    report = orjson.loads(out)
    assert (report["sent"], [bad["line"] for bad in report["bad"]]) == (1, [1])
    assert [record.value for record in read_all(follower, 1)] == [b"{cut o"]


def test_a_file_that_is_not_there_is_wrong_use(environment: dict[str, str]) -> None:
    code, _, err = run("send", "/nowhere/results.jsonl", env=environment)
    assert (code, "No such file" in err) == (2, True)


def test_the_same_file_sent_twice_has_the_same_ids() -> None:
    raw = lines(data())
    first, second = (next(send.read(raw, "/wargaming/send", "wargaming.results")) for _ in range(2))
    assert first.record.headers["ce_id"] == second.record.headers["ce_id"]


def test_smoke_goes_the_whole_way_and_the_gate_stays_shut(environment: dict[str, str]) -> None:
    code, out, _ = run("smoke", "--output", "json", env=environment)
    report = orjson.loads(out)
    assert (code, report["ok"], report["verdict"], report["gate"]) == (0, True, "approved", "synthetic")
    assert list(report["steps"]) == ["published", "recorded", "announced", "gate answered"]


def test_smoke_fails_where_no_worker_runs(environment: dict[str, str], mock_kafka: str) -> None:
    elsewhere = {**environment, "HITL_KAFKA_BOOTSTRAP_SERVERS": mock_kafka}
    code, out, _ = run("smoke", "--timeout", "1", env=elsewhere)
    assert code == 1
    assert out.splitlines()[-1] == "failed: published, but no worker recorded it: is one running?"
