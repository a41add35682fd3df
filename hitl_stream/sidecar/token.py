"""Bearer tokens of one issuer: JWTs signed with keys that it publishes (OpenID Connect). In doubt nobody is let in.

What a token may be is decided here and never by the token: its algorithm follows from the issuer's key, headers that bring
keys along are refused, and issuer, audience and kind are compared exactly.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from hitl_stream.errors import Refused, Unavailable
from hitl_stream.observe import log
from hitl_stream.sidecar import name

TOKEN_BYTES_MAX = 16_384
GROUPS_MAX = 500
TEXT_MAX = 255
LEEWAY_S = 30
REFRESH_S = 30.0  # an unknown key asks the issuer again, at most this often
FRESH_S = 300.0  # keys that the issuer took back are believed no longer than this, as long as it answers
STALE_S = 3_600.0  # how long known keys are believed while it does not
FETCH_TIMEOUT_S = 10.0
PATIENCE_S = 0.5  # how long whoever has a known key waits for news of it
KEYS_MAX = 100
VERIFIED_MAX = 1_000
YEAR_9999 = 253_370_764_800

# What a key signs with where the issuer does not say; Ed25519 has an old name (RFC 9864) that issuers still use.
_USUAL = {"P-256": ["ES256"], "P-384": ["ES384"], "Ed25519": ["Ed25519", "EdDSA"]}
_SIGNING = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519", "EdDSA"))
_BRINGS_KEYS = frozenset(("crit", "jku", "jwk", "x5u", "x5c"))


class TokenRefused(Refused):
    """The token is not accepted."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `auth_time` is when the person last showed who they are, None if nobody says; `expires_at` when the token ends.

    Both in seconds since the epoch. `name` is for the eye only: what the provider calls them.
    """

    subject: str
    groups: tuple[str, ...]
    token_id: str | None
    auth_time: int | None
    expires_at: int
    name: str | None = None


@dataclass(slots=True)
class Keys:
    """The issuer's keys, fetched when one is missing. `fetch` returns its JWKS document; it raises Unavailable."""

    fetch: Callable[[], Awaitable[bytes]]
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, Key] = field(default_factory=dict)
    _fetched_at: float | None = None
    _asked_at: float | None = None
    _asking: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key:
        """The key of that name. Raises TokenRefused, or Unavailable while the issuer cannot be asked.

        The issuer is asked once for everybody. Whoever has a key that is believed waits for it no longer than PATIENCE_S.
        """
        if self._lacks(kid) and (self._asking is not None or self._may_ask()):
            self._asking = self._asking or asyncio.create_task(self._ask())
            believed = kid in self._keys and not self._stale()
            await asyncio.wait({self._asking}, timeout=PATIENCE_S if believed else None)
        if self._stale():
            raise Unavailable("the issuer's keys are not known")
        found = self._keys.get(kid)
        if found is None:
            raise TokenRefused("it is signed with a key that the issuer does not publish")
        return found

    async def _ask(self) -> None:
        self._asked_at = self.clock()
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                self._keys = read_keys(await self.fetch())
        except (Unavailable, TimeoutError) as failure:
            log.get().warning("issuer_unavailable", reason=str(failure) or "it takes too long")
        else:
            self._fetched_at = self.clock()
        finally:
            self._asking = None

    def _lacks(self, kid: str) -> bool:
        return self._age_s() > FRESH_S or kid not in self._keys

    def _age_s(self) -> float:
        return math.inf if self._fetched_at is None else self.clock() - self._fetched_at

    def _stale(self) -> bool:
        return self._age_s() > STALE_S

    def _may_ask(self) -> bool:
        return self._asked_at is None or self.clock() - self._asked_at >= REFRESH_S


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is asked of a token. `groups_claim` and `name_claim` say where groups and name are, in nested claims with dots."""

    issuer: str
    audience: str
    keys: Keys
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    now: Callable[[], float] = time.time
    _verified: dict[str, tuple[Key, Mapping[str, Any]]] = field(default_factory=dict, repr=False)

    async def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises TokenRefused, Unavailable."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii():
            raise TokenRefused("it is too long or no JWT")
        header = _header(token)
        if _BRINGS_KEYS & header.keys():
            raise TokenRefused("its header brings a key or an extension along")
        kid = header.get("kid")
        if type(kid) is not str:
            raise TokenRefused("it names no key")
        key = await self.keys.find(kid)
        try:
            claims = self._claims(token, key)
        except (JoseError, ValueError) as error:
            raise TokenRefused(f"its signature is not valid: {type(error).__name__}") from error
        return self._principal(header, claims)

    def _claims(self, token: str, key: Key) -> Mapping[str, Any]:
        """What a token says whose signature fits. The same bytes fit the same key again; when they end is looked at every time.

        Raises JoseError, ValueError, TokenRefused.
        """
        known = self._verified.get(token)
        if known is not None and known[0] is key:
            return known[1]
        claims = jwt.decode(token, key, _algorithms(key)).claims
        _must_be_text(claims)
        if len(self._verified) >= VERIFIED_MAX:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = key, claims
        return claims

    def _principal(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Principal:
        if not _is_access_token(header, claims):
            raise TokenRefused("it is no access token")
        if claims.get("iss") != self.issuer:
            raise TokenRefused("it has another issuer")
        audience = claims.get("aud")
        if self.audience not in ([audience] if type(audience) is str else audience if type(audience) is list else []):
            raise TokenRefused("it is for another audience")
        now, ends_at = self.now(), _seconds(claims, "exp")
        if ends_at is None or now >= ends_at + LEEWAY_S:
            raise TokenRefused("it has expired")
        if max(_seconds(claims, "nbf", 0), _seconds(claims, "iat", 0)) > now + LEEWAY_S:
            raise TokenRefused("it is not valid yet")
        subject = claims.get("sub")
        if type(subject) is not str or not 0 < len(subject) <= TEXT_MAX or subject == "policy" or "\0" in subject:
            raise TokenRefused("it names nobody")
        shown_at = _seconds(claims, "auth_time")
        if shown_at is not None and shown_at > now + LEEWAY_S:
            raise TokenRefused("its auth_time is still to come")
        ends_at = min(ends_at, YEAR_9999)
        called = name.read(_nested(claims, self.name_claim))
        return Principal(subject, self._groups(claims), _text(claims.get("jti")), shown_at, ends_at, called)

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        found = _nested(claims, self.groups_claim)
        if type(found) is not list:
            return ()
        return tuple(group for group in map(_text, found[:GROUPS_MAX]) if group is not None)


def _must_be_text(claims: Mapping[str, Any]) -> None:
    """No half characters, which JSON can spell and nothing can store. Raises TokenRefused."""
    try:
        json.dumps(claims, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise TokenRefused("it holds half a character") from error


def _nested(claims: Mapping[str, Any], path: str) -> Any:
    found: Any = claims
    for member in path.split("."):
        found = found.get(member) if isinstance(found, dict) else None
    return found


def _is_access_token(header: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    """RFC 9068, or as Keycloak says it: an ID token of the same issuer must not do."""
    kind = str(header.get("typ", "")).lower().removeprefix("application/")
    return kind == "at+jwt" or (kind == "jwt" and claims.get("typ") == "Bearer")


def _header(token: str) -> dict[str, Any]:
    try:
        first, _, _ = token.split(".")
        header = orjson.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError as error:
        raise TokenRefused("it is no JWT") from error
    if type(header) is not dict:
        raise TokenRefused("it is no JWT")
    return header


def read_keys(document: bytes) -> dict[str, Key]:
    """Public signing keys by name; what is no such key is left out. Raises Unavailable for what is no key set."""
    try:
        members = orjson.loads(document)["keys"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unavailable("the issuer's key set cannot be read") from error
    if type(members) is not list:
        raise Unavailable("the issuer's key set cannot be read")
    found = (_read_key(member) for member in members[:KEYS_MAX])
    return {str(key.kid): key for key in found if key is not None}


def _read_key(member: Any) -> Key | None:
    if type(member) is not dict or member.get("kty") not in ("EC", "RSA", "OKP"):
        return None
    if member.get("use", "sig") != "sig" or type(member.get("kid")) is not str:
        return None
    try:
        return JWKRegistry.import_key(member)
    except (JoseError, ValueError, TypeError, KeyError):
        return None  # a curve that is not known here; the other keys are none the worse for it


def _algorithms(key: Key) -> list[str]:
    """What this key signs with: never what the token says. Raises TokenRefused for a key that does not sign."""
    members = key.as_dict()
    if "alg" in members:
        said = [str(members["alg"])]
    else:
        said = ["RS256"] if key.key_type == "RSA" else _USUAL.get(str(members.get("crv")), [])
    if not said or not _SIGNING.issuperset(said):
        raise TokenRefused("it is signed with a key that is not for signing")
    return said


def _seconds(claims: Mapping[str, Any], name: str, default: Any = None) -> Any:
    value = claims.get(name)
    if value is None:
        return default
    if type(value) not in (int, float) or not 0 <= value < 2**53:
        raise TokenRefused(f"{name} is no time")
    return int(value)


def _text(value: Any) -> str | None:
    return value if type(value) is str and 0 < len(value) <= TEXT_MAX and "\0" not in value else None
