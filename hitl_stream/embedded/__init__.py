"""Kafka and Postgres for `make run`, the neighbours, and sample traffic. Never used in production."""
