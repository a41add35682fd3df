"""A broker that is away, or that is the small one inside librdkafka."""

from __future__ import annotations

import pytest

from hitl_stream.broker import admin
from hitl_stream.broker.admin import AdminRefused
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract import topics
from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import Unavailable


def test_a_broker_that_is_away_is_unavailable_with_where_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "TIMEOUT_S", 1.0)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=rf"{address}.*Connection refused"):
        admin.cluster_id(KafkaConnection(address))


def test_the_embedded_broker_knows_ends_but_no_ids(mock_kafka: str) -> None:
    connection = KafkaConnection(mock_kafka)
    names = [topic.name for topic in topics.load()]
    assert admin.is_mock(admin.cluster_id(connection))
    assert admin.partition_counts(connection, names) == dict.fromkeys(names, 4)
    assert admin.topic_ids(connection, names) == dict.fromkeys(names)
    assert admin.watermarks(connection, names[:1]) == {names[0]: dict.fromkeys(range(4), (0, 0))}


def test_the_embedded_broker_cannot_be_administered(mock_kafka: str) -> None:
    with pytest.raises(AdminRefused, match="built into librdkafka"):
        admin.describe(KafkaConnection(mock_kafka), ["hitl.decisions"])
