"""The demo's own issuer: whoever is on this machine may be anybody of the demo. Its keys live in memory and nowhere else.

It is there only where no issuer is configured, in environment local, on loopback. Its people belong to groups that begin with
`demo-`: in a database where nobody granted those groups anything, they may do nothing.
"""

from __future__ import annotations

import time
from secrets import token_hex, token_urlsafe
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from hitl_stream.review.role import DEMO_PEOPLE, demo_group
from hitl_stream.sidecar import reply, words
from hitl_stream.sidecar.asked import read_body
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.token import Keys, Verifier

AUDIENCE: Final = "hitl-stream"
KEY_PREFIX: Final = "demo-"
LIFETIME_S: Final = 3_600

router = APIRouter()


class DemoIssuer:
    """Signs tokens for the people of the demo, with a key that dies with the process."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = ECKey.generate_key("P-256", {"kid": f"{KEY_PREFIX}{token_hex(8)}", "use": "sig", "alg": "ES256"})

    def verifier(self) -> Verifier:
        """What believes these tokens and no others."""

        async def fetch() -> bytes:
            return self.keys()

        return Verifier(self.issuer, AUDIENCE, Keys(fetch))

    def keys(self) -> bytes:
        """The public key set."""
        return orjson.dumps(KeySet([self._key]).as_dict(private=False))

    def token(self, name: str, now: int | None = None, **claims: Any) -> str:
        """A token of one of the people, logged in at this moment; `claims` are said beside the usual ones. Raises KeyError."""
        groups = [demo_group(role) for role in DEMO_PEOPLE[name]]
        at = int(time.time()) if now is None else now
        said = {
            **claims,
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": name,
            "iat": at,
            "exp": at + LIFETIME_S,
            "auth_time": at,
            "jti": token_urlsafe(12),
            "groups": groups,
        }
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": self._key.kid}, said, self._key)


def _issuer(request: Request) -> DemoIssuer:
    found: DemoIssuer = request.app.state.demo_issuer
    return found


@router.get("/demo/people")
async def list_people() -> Response:
    """Who one can be, and what each may do."""
    return reply.make([{"name": name, "roles": list(roles)} for name, roles in DEMO_PEOPLE.items()]).response()


@router.get("/demo/keys")
async def show_keys(request: Request) -> Response:
    """The key set (RFC 7517)."""
    return reply.Reply(200, _issuer(request).keys()).response()


@router.post("/demo/token")
async def give_token(request: Request) -> Response:
    """A token for one of the people. Only JSON is read: a form on a foreign page cannot send that without asking first."""
    if request.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
        raise Problem(415, "json-expected", "Send JSON", 'Content-Type: application/json and {"name": "alice"}')
    body: dict[str, Any] = words.members(await read_body(request))
    name = words.required(body, "name")
    if name not in DEMO_PEOPLE:
        raise Problem(
            404, "unknown-person", "There is nobody of that name in the demo", f"There are {', '.join(DEMO_PEOPLE)}."
        )
    told = {"access_token": _issuer(request).token(name), "token_type": "Bearer", "expires_in": LIFETIME_S}
    return reply.make(told).response()
