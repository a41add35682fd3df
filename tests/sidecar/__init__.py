"""The sidecar over HTTP, on a real Postgres."""
