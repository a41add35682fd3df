"""Three brokers on loopback that hold everything three times: one of them can be lost, and all of them killed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hitl_stream.embedded.postgres import free_port
from tests.harness.kafka import KafkaServer

NODES: Final = (1, 2, 3)
REPLICATED: Final = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "inter.broker.listener.name": "PLAINTEXT",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
}


class KafkaCluster:
    """Their folders and ports outlive `kill` and `restart`; `close` ends them for good."""

    def __init__(self, *, properties: Mapping[str, str] | None = None, heap: str = "256m") -> None:
        controllers = {node: free_port() for node in NODES}
        settings = {**REPLICATED, **(properties or {})}
        self.brokers = [
            KafkaServer(properties=settings, heap=heap, node=node, controllers=controllers) for node in NODES
        ]

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return ",".join(broker.bootstrap_servers for broker in self.brokers)

    def start(self) -> None:
        """Start all of them, and return when they serve. Raises Fatal."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_started()

    def kill(self) -> None:
        """kill -9 of all."""
        for broker in self.brokers:
            broker.kill()

    def stop(self) -> None:
        """An orderly stop of all."""
        for broker in self.brokers:
            broker.stop()

    def close(self) -> None:
        """Stop, and remove everything."""
        for broker in self.brokers:
            broker.close()
