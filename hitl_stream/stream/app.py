"""The stream engine's application, with everything switched off that we do not use: web server, tables, leader, producer.

It is started by our own code. The engine's command line would switch its web server on, and take stdout and the log over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.types.transports import TransportT
from mode.types import ServiceT
from yarl import URL

from hitl_stream.errors import Fatal
from hitl_stream.stream import build
from hitl_stream.stream.transport import Assignment, Membership, Transport

COMMIT_INTERVAL_S = 5.0


class Boot(BootStrategy):
    """Starts the consumer and the agents only: messages go out through our own producer."""

    enable_web = False
    enable_sensors = False
    enable_kafka_producer = False

    def kafka_consumer(self) -> Iterable[ServiceT]:
        """The consumer, without the engine's leader election and replies."""
        return [self.app.consumer]


class App(faust.App):
    """The application of one worker process."""

    BootStrategy = Boot

    def __init__(self, membership: Membership, listener: Assignment) -> None:
        self.membership = membership
        self.assignment_listener = listener
        super().__init__(
            membership.group,
            broker=[URL(f"kafka://{server}") for server in membership.connection.bootstrap_servers.split(",")],
            autodiscover=False,
            store=URL("memory://"),
            cache=URL("memory://"),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            broker_max_poll_interval=86_400.0,
            broker_commit_interval=COMMIT_INTERVAL_S,
            broker_check_crcs=True,
        )

    def _new_transport(self) -> TransportT:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> TransportT:
        return Transport(self.conf.broker_producer, self)

    def _create_directories(self) -> None:
        """Nothing is kept in files."""

    def on_webserver_init(self, web: Any) -> None:
        """Raises Fatal: no web server of the engine may start."""
        raise Fatal("the stream engine starts a web server of its own")


def check_build() -> None:
    """Raises Fatal when the libraries are not as they must be: compiled, and able to read every codec."""
    if missing := build.missing_codecs():
        raise Fatal(f"codecs that producers may use cannot be read here: {', '.join(missing)}; install cramjam")
    if slow := build.not_compiled():
        raise Fatal(f"not compiled, several times too slow: {', '.join(slow)}; install the wheels")
