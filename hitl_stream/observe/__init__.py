"""Log and metrics. The only importer of structlog and prometheus_client."""
