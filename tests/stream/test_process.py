"""What the processes of a worker look like from outside: what they listen on, how several live together, how they end."""

from __future__ import annotations

import re
import signal
import socket

import psutil
import pytest

from tests.harness import wait
from tests.harness.process import lives, wait_ended
from tests.stream.rig import Rig

PRODUCT = ("-c", "from hitl_stream.cli import main; main()", "worker")


def _listening(pid: int) -> set[int]:
    connections = psutil.Process(pid).net_connections("inet")
    return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}


def _two_free_ports() -> int:
    """The first of two free ports side by side, below those that the system lends to connections."""
    return next(port for port in range(20_027, 30_000, 2) if _is_free(port) and _is_free(port + 1))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_workers_on_one_host_listen_on_nothing_but_their_metrics_ports(rig: Rig) -> None:
    workers = [rig.start().wait_ready(), rig.start().wait_ready()]
    rig.produce(1_000)
    rig.wait_recorded()
    rig.assert_recorded_once(1_000)
    for worker in workers:
        assert _listening(worker.pid) == {worker.port}


def test_a_worker_whose_metrics_port_is_taken_works_all_the_same_and_says_so(rig: Rig) -> None:
    first = rig.start().wait_ready()
    second = rig.start(HITL_METRICS_PORT=str(first.port))
    wait.until(lambda: "partition_claimed" in second.text(), 60)
    said = re.search(rf"metrics_port_taken +port={first.port} served_on=(\d+)", second.text())
    assert said, second.text()
    assert _listening(second.pid) == {int(said[1])}
    assert first.alive


def test_one_command_runs_several_processes_that_share_the_partitions_and_end_together(rig: Rig) -> None:
    rig.program = (*PRODUCT, "--processes", "2")
    parent = rig.start(HITL_METRICS_PORT=str(_two_free_ports()))
    wait.until(lambda: parent.text().count("partition_claimed") >= 8, 60)
    children = psutil.Process(parent.pid).children()
    assert [_listening(parent.pid), *sorted(map(_listening, [child.pid for child in children]), key=min)] == [
        set(),
        {parent.port},
        {parent.port + 1},
    ]
    rig.produce(100)
    rig.wait_recorded()
    assert rig.fetch("SELECT count(*) FROM dead_letter")[0][0] == 100
    parent.terminate()
    assert parent.wait_ended() == 0, parent.text()
    assert not any(map(lives, children))


@pytest.mark.parametrize(
    ("who", "number"),
    [("child", signal.SIGKILL), ("parent", signal.SIGKILL)],
    ids=["a child is killed", "the parent is killed"],
)
def test_when_one_process_dies_none_is_left(rig: Rig, who: str, number: signal.Signals) -> None:
    rig.program = (*PRODUCT, "--processes", "2")
    parent = rig.start()
    wait.until(lambda: "worker_started" in parent.text(), 60)
    children = psutil.Process(parent.pid).children()
    assert len(children) == 2
    (children[0] if who == "child" else psutil.Process(parent.pid)).send_signal(number)
    assert parent.wait_ended() != 0
    wait_ended(children)
