"""The worker's way from broker to database and back to the broker: real Kafka, real Postgres."""
