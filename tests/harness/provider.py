"""An OpenID provider's keys on loopback, and tokens of whoever is needed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Self

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

AUDIENCE, GROUP = "hitl-stream", "reviewers"
LIFETIME_S = 86_400


class Provider:
    """Serves its keys while it is open."""

    def __enter__(self) -> Self:
        self._key = ECKey.generate_key("P-256", {"kid": "tests", "use": "sig", "alg": "ES256"})
        keys = orjson.dumps(KeySet([self._key]).as_dict(private=False))

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """What the sidecar is told of it."""
        return {
            "HITL_AUTH_ISSUER": self.issuer,
            "HITL_AUTH_AUDIENCE": AUDIENCE,
            "HITL_AUTH_JWKS_URL": f"{self.issuer}/keys",
        }

    def token(self, person: str, groups: Sequence[str] = (GROUP,)) -> str:
        """A token of somebody who has just logged in; a reviewer, unless other groups are named."""
        at = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": person,
            "iat": at,
            "exp": at + LIFETIME_S,
            "auth_time": at,
            "jti": token_urlsafe(12),
        }
        return jwt.encode(
            {"alg": "ES256", "typ": "at+jwt", "kid": self._key.kid}, {**claims, "groups": list(groups)}, self._key
        )
