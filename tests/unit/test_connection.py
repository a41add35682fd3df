"""One connection, spelt for both clients; no secret is shown."""

from __future__ import annotations

from hitl_stream.broker.connection import KafkaConnection

PLAIN = KafkaConnection("b:9092")
SCRAM = KafkaConnection("b:9092", "sasl_ssl", "SCRAM-SHA-512", "worker", "s3cret")


def test_a_plain_connection_says_no_more_than_it_must() -> None:
    assert PLAIN.confluent() == {"bootstrap.servers": "b:9092", "security.protocol": "PLAINTEXT"}
    assert PLAIN.aiokafka() == {"bootstrap_servers": "b:9092", "security_protocol": "PLAINTEXT"}


def test_a_secured_connection_names_the_user_and_checks_the_server() -> None:
    assert SCRAM.confluent() == {
        "bootstrap.servers": "b:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "worker",
        "sasl.password": "s3cret",
    }
    arguments = SCRAM.aiokafka()
    context = arguments.pop("ssl_context")
    assert context.check_hostname
    assert arguments == {
        "bootstrap_servers": "b:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "s3cret",
    }


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(SCRAM)
