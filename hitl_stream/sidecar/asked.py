"""A request of somebody whom the issuer vouches for. Refused in this order: 401, 403, Idempotency-Key, then the rest.

Roles are read in the transaction that does what is asked: a role that was taken away does nothing any more.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from starlette.requests import ClientDisconnect

from hitl_stream.errors import Unavailable
from hitl_stream.review.role import Role
from hitl_stream.sidecar import permission
from hitl_stream.sidecar.problem import Problem, unavailable
from hitl_stream.sidecar.rate import Limiter
from hitl_stream.sidecar.reply import Reply
from hitl_stream.sidecar.token import Principal, TokenRefused, Verifier
from hitl_stream.store import access, idempotency
from hitl_stream.store.command import Actor
from hitl_stream.store.database import Connection, Database
from hitl_stream.store.idempotency import Kept, Key, KeyInFlight, KeyUsedOtherwise

BODY_BYTES_MAX = 65_536
BATCH_BYTES_MAX = 1_048_576
BODY_TIMEOUT_S = 10.0
# From the wait for a connection to the answer; whoever asks the gate would rather hear 503 than wait.
TIME_LIMIT_S = 8.0
TIME_LIMITS_S: Final[Mapping[permission.Route, float]] = {
    ("GET", "/hitl/patches/{patch_id}/gate"): 2.0,
    ("POST", "/hitl/patches/batch"): 30.0,
}
KEY_MAX = 255

_KEY = re.compile(rf"[ -~]{{1,{KEY_MAX}}}")
_SCHEME = re.compile(r"bearer +(\S+)", re.IGNORECASE)

Work = Callable[[Connection], Awaitable[Reply]]


def database(request: Request, *, reserved: bool = False) -> Database:
    """The app's way to Postgres, or the one that is reserved for what must not wait. Raises Unavailable while there is none."""
    state = request.app.state
    found: Database | None = state.reserved_database if reserved else state.database
    if found is None:
        raise Unavailable("not connected yet")
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what. `body` is what came with it, bounded."""

    request: Request
    who: Principal
    body: bytes
    request_id: str

    @property
    def actor(self) -> Actor:
        """The person as what is recorded says it."""
        said = self.who.auth_time
        authenticated_at = None if said is None else datetime.fromtimestamp(said, UTC)
        return Actor(self.who.subject, self.who.groups, self.who.token_id, self.request_id, authenticated_at)

    @asynccontextmanager
    async def reading(self, *, reserved: bool = False) -> AsyncIterator[Connection]:
        """A connection, if the person may ask this. Raises Problem 403, Unavailable."""
        async with self._in_time(), database(self.request, reserved=reserved).connection() as conn:
            await self._admit(conn)
            yield conn

    async def once(self, work: Work, role: Role | None = None) -> Response:
        """Do the work in one transaction; the same request with the same Idempotency-Key only gets the answer again.

        `role` is the one that is needed where what is sent decides that. Raises Problem 403, 409 and 422 of the key, what the
        work raises, Unavailable.
        """
        async with self._in_time(), database(self.request).transaction() as conn:
            await self._admit(conn, role)
            key = self._key()
            kept = None if key is None else await _find(conn, key)
            if kept is not None:
                return Reply(kept.status, kept.answer, kept.etag, replayed=True).response()
            reply = await work(conn)
            if key is not None:
                await idempotency.keep(conn, key, Kept(reply.status, reply.etag, reply.body))
        if reply.then is not None:
            reply.then()
        return reply.response()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raises Unavailable when it takes too long; whether a commit under way happened, the Idempotency-Key finds out."""
        limit = TIME_LIMITS_S.get((self.request.method, self.request.scope["route"].path), TIME_LIMIT_S)
        try:
            async with asyncio.timeout(limit):
                yield
        except TimeoutError as error:
            raise Unavailable(f"no answer within {limit:.0f} s") from error

    async def _admit(self, conn: Connection, role: Role | None = None) -> None:
        needed = permission.needed(self.request.method, self.request.scope["route"].path) or frozenset()
        if role is not None:
            needed &= {role}
        if not needed & await access.roles_of(conn, self.who.groups):
            raise not_allowed(needed)

    def _key(self) -> Key | None:
        sent = self.request.headers.getlist("Idempotency-Key")
        if not sent:
            return None
        if len(sent) != 1 or not _KEY.fullmatch(sent[0]):
            told = f"One header of 1 to {KEY_MAX} printable characters of ASCII."
            raise Problem(422, "invalid-idempotency-key", "The Idempotency-Key is not valid", told)
        about = b"\0".join(
            (self.request.method.encode(), self.request.scope["raw_path"], self.request.scope["query_string"])
        )
        return Key(self.who.subject, sent[0], sha256(about + b"\0" + self.body).digest())


def not_allowed(needed: Collection[Role], detail: str | None = None) -> Problem:
    """403: this person may not ask this."""
    told = detail or f"This needs one of these roles: {', '.join(sorted(needed)) or 'none that exists'}."
    return Problem(403, "not-allowed", "You may not do this", told)


async def _find(conn: Connection, key: Key) -> Kept | None:
    try:
        return await idempotency.find(conn, key)
    except KeyInFlight as error:
        headers = {"Retry-After": "1"}
        raise Problem(
            409, "idempotency-key-in-flight", "The same request is being answered", headers=headers
        ) from error
    except KeyUsedOtherwise as error:
        told = "Send a new key with a new request."
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key was used otherwise", told) from error


async def _principal(request: Request) -> Principal:
    """Whom the bearer token speaks for. Raises Problem 401, 503 while the issuer's keys are not known."""
    sent = request.headers.getlist("Authorization")
    if not sent:
        raise Problem(401, "login-required", "Log in first", headers={"WWW-Authenticate": 'Bearer realm="hitl-stream"'})
    found = _SCHEME.fullmatch(sent[0]) if len(sent) == 1 else None
    verifier: Verifier = request.app.state.verifier
    try:
        if found is None:
            raise TokenRefused("one header Authorization: Bearer TOKEN is expected")
        return await verifier.verify(found[1])
    except TokenRefused as refusal:
        challenge = f'Bearer realm="hitl-stream", error="invalid_token", error_description="{refusal}"'
        raise Problem(
            401, "invalid-token", "The token is not accepted", str(refusal), headers={"WWW-Authenticate": challenge}
        ) from refusal
    except Unavailable as failure:
        raise unavailable("issuer") from failure


async def read_body(request: Request, most: int = BODY_BYTES_MAX) -> bytes:
    """All of the body. Raises Problem 408, 413."""
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                raw += chunk
                if len(raw) > most:
                    raise Problem(413, "too-large", "The body is too large", f"At most {most} bytes.")
    except (TimeoutError, ClientDisconnect) as error:  # who hung up hears of nothing, and is no failure of ours
        raise Problem(408, "too-slow", "The body took too long", f"At most {BODY_TIMEOUT_S:.0f} s.") from error
    return bytes(raw)


async def _body(request: Request) -> bytes:
    """What came with a command, before any connection to the database is taken. Nothing that comes with a question is read."""
    if request.method != "POST":
        return b""
    batch = request.scope["route"].path == "/hitl/patches/batch"
    return await read_body(request, BATCH_BYTES_MAX if batch else BODY_BYTES_MAX)


async def _asked(request: Request, who: Annotated[Principal, Depends(_principal)]) -> Asked:
    limiter: Limiter | None = request.app.state.limiter
    if limiter is not None:
        limiter.admit(who.subject, request.method, request.scope["route"].path)
    return Asked(request, who, await _body(request), request.state.request_id)


Asker = Annotated[Asked, Depends(_asked)]
