"""How to reach the broker, in the words of both clients. Holds what it is given: the environment is read in `settings`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the broker is and who we are there. Files are PEM."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the line to the broker is TLS."""
        return self.security_protocol.upper().endswith("SSL")

    def confluent(self) -> dict[str, Any]:
        """Settings for a client of confluent-kafka."""
        settings = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol.upper(),
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
            "ssl.ca.location": self.ssl_cafile,
            "ssl.certificate.location": self.ssl_certfile,
            "ssl.key.location": self.ssl_keyfile,
        }
        return {name: value for name, value in settings.items() if value is not None}

    def aiokafka(self) -> dict[str, Any]:
        """Arguments for a client of aiokafka. Raises OSError when a certificate file cannot be read."""
        arguments = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol.upper(),
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_context": self.ssl_context(),
        }
        return {name: value for name, value in arguments.items() if value is not None}

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, None without TLS. Certificates and host names are always checked."""
        if not self.encrypted:
            return None
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        if self.ssl_certfile:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        return context
