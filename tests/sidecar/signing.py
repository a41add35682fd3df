"""An issuer of tokens whose clock, mood and keys are ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar.token import Keys, TokenRefused, Verifier

ISSUER, AUDIENCE, NOW = "https://id.example", "hitl-stream", 1_790_000_000
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OKP = OKPKey.generate_key("Ed25519", {"kid": "ed"})
STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})


def published(*keys: Key) -> bytes:
    return orjson.dumps(KeySet(list(keys)).as_dict(private=False))


@dataclass
class Provider:
    """An issuer whose clock and mood are ours."""

    document: bytes = field(default_factory=lambda: published(EC, RSA, OKP))
    up: bool = True
    at: float = 1_000.0
    asked: int = 0

    async def fetch(self) -> bytes:
        self.asked += 1
        await asyncio.to_thread(int)  # others have their turn meanwhile
        if not self.up:
            raise Unavailable("down")
        return self.document

    def verifier(self, claim: str = "groups") -> Verifier:
        return Verifier(ISSUER, AUDIENCE, Keys(self.fetch, lambda: self.at), claim, now=lambda: float(NOW))


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300, "iat": NOW, "jti": "t-1", "auth_time": NOW - 10,
        "groups": ["security-engineers"],
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(key: Key = EC, algorithm: str = "ES256", header: dict[str, Any] | None = None, **changes: Any) -> str:
    head = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid, **(header or {})}
    return jwt.encode(head, claims(**changes), key, algorithms=[algorithm])


async def refusal(token: str, provider: Provider | None = None) -> str:
    with pytest.raises(TokenRefused) as caught:
        await (provider or Provider()).verifier().verify(token)
    return str(caught.value)
