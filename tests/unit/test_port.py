"""Ports of what is started for trying out and for tests."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hitl_stream.embedded import postgres
from hitl_stream.errors import Fatal


def test_a_free_port_is_none_that_the_system_lends_to_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert postgres.free_port() < first


def test_a_port_that_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(postgres, "PORTS", [taken.getsockname()[1]])
        with pytest.raises(Fatal, match="no free port"):
            postgres.free_port()
    assert postgres.free_port() == postgres.PORTS[0]
