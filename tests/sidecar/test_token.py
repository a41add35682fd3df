"""Bearer tokens: what is not exactly a token of the issuer for us, at this moment, is nobody's. In doubt nobody is let in."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx2
import orjson
import pytest
from joserfc import jws
from joserfc.jwk import Key
from structlog.testing import capture_logs

from hitl_stream.sidecar import app
from hitl_stream.sidecar.token import Principal
from hitl_stream.store.database import Database
from tests.sidecar.signing import (
    EC,
    NOW,
    OKP,
    RSA,
    STRANGER,
    Provider,
    claims,
    refusal,
    signed,
)


def forged(header: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand, as an attacker would."""
    return b".".join(_encoded(part) for part in (orjson.dumps(header), orjson.dumps(claims()), signature)).decode()


def _encoded(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def hs256_with_the_public_key() -> str:
    """The classic: a verifier that believes the header takes the public key for a shared secret."""
    secret = RSA.as_pem(private=False)
    head, body = (_encoded(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}, claims()))
    return b".".join((head, body, _encoded(hmac.digest(secret, head + b"." + body, sha256)))).decode()


def tampered() -> str:
    head, _, signature = signed().split(".")
    return f"{head}.{_encoded(orjson.dumps(claims(sub='mallory'))).decode()}.{signature}"


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "RS256"), (OKP, "EdDSA"), (OKP, "Ed25519")])
async def test_a_token_of_the_issuer_speaks_for_its_subject(key: Key, algorithm: str) -> None:
    who = await Provider().verifier().verify(signed(key, algorithm))
    assert who == Principal("alice", ("security-engineers",), "t-1", NOW - 10, NOW + 300)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "https://id.example/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other"]}, "another audience"),
        ({"aud": {"hitl-stream": 1}}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "soon"}, "no time"),
        ({"exp": True}, "no time"),
        ({"exp": 1e300}, "no time"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"auth_time": NOW + 31}, "still to come"),
        ({"auth_time": 2**53 - 1}, "still to come"),
        ({"auth_time": "now"}, "no time"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 7}, "names nobody"),
        ({"sub": "policy"}, "names nobody"),
        ({"sub": "x" * 256}, "names nobody"),
        ({"sub": "a\0b"}, "names nobody"),
    ],
)
async def test_what_it_claims_must_be_right(changes: dict[str, Any], words: str) -> None:
    assert words in await refusal(signed(**changes))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"jku": "https://evil.example/keys"},
        {"jwk": EC.as_dict(private=False)},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["AAAA"]},
    ],
)
async def test_a_token_brings_no_keys_along(header: dict[str, Any]) -> None:
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "ec", **header}
    assert "brings a key" in await refusal(forged(head, b"x" * 64))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "x" * 1_000_000,
        "é.é.é",
        forged({"alg": "none", "typ": "at+jwt", "kid": "ec"}),
        forged({"alg": "none", "typ": "at+jwt"}),
        forged({"alg": "ES256", "typ": "at+jwt"}),
        forged({"alg": "ES256", "typ": "at+jwt", "kid": ["ec"]}),
        forged({"alg": "ES256", "typ": "at+jwt", "kid": "ec"}),
        hs256_with_the_public_key(),
        tampered(),
        signed(STRANGER),
        signed(RSA, "RS512"),
        signed(header={"typ": "JWT"}),
        signed(header={"typ": "id+jwt"}),
    ],
)
async def test_what_is_no_token_of_the_issuer_is_nobodys(token: str) -> None:
    assert await refusal(token)


async def test_an_id_token_of_keycloak_is_no_access_token_and_its_access_token_is() -> None:
    who = (
        await Provider()
        .verifier("realm_access.roles")
        .verify(signed(header={"typ": "JWT"}, typ="Bearer", realm_access={"roles": ["reviewers"]}))
    )
    assert who.groups == ("reviewers",)
    assert "no access token" in await refusal(signed(header={"typ": "JWT"}, typ="ID"))


@pytest.mark.parametrize("changes", [{"sub": "\ud800"}, {"groups": ["\ud800"]}, {"realm": {"\udfff": 1}}])
async def test_half_a_character_is_no_text(changes: dict[str, Any]) -> None:
    head = {"alg": "ES256", "typ": "at+jwt", "kid": EC.kid}
    token = jws.serialize_compact(head, json.dumps(claims(**changes)).encode(), EC, ["ES256"])
    assert "half a character" in await refusal(token)


@pytest.mark.parametrize("groups", [None, "reviewers", {"reviewers": True}, [1, None, "", "x" * 300, "a\0"]])
async def test_odd_groups_are_no_groups(groups: Any) -> None:
    assert (await Provider().verifier().verify(signed(groups=groups))).groups == ()


async def test_only_so_many_accepted_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_stream.sidecar.token.VERIFIED_MAX", 3)
    verifier = Provider().verifier()
    for _ in range(5):
        await verifier.verify(signed())
    assert len(verifier._verified) == 3


# over HTTP ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def guarded(database: str) -> AsyncIterator[tuple[httpx2.AsyncClient, Provider]]:
    """A sidecar that believes our provider."""
    provider = Provider()
    reader = await Database.open(database, "hitl_sidecar", size=2, name="test-sidecar")
    transport = httpx2.ASGITransport(app.create(reader, provider.verifier()), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made, provider
    await reader.close()


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ([], "login-required"),
        ([""], "invalid-token"),
        (["Basic YTpi"], "invalid-token"),
        (["Bearer"], "invalid-token"),
        (["Bearer a b"], "invalid-token"),
        (["Bearer garbage"], "invalid-token"),
        ([f"Bearer {signed(exp=NOW - 60)}"], "invalid-token"),
        ([f"Bearer {signed()}", f"Bearer {signed()}"], "invalid-token"),
    ],
)
async def test_who_does_not_say_who_they_are_is_asked_to(
    guarded: tuple[httpx2.AsyncClient, Provider], sent: list[str], kind: str
) -> None:
    client, _ = guarded
    response = await client.get("/hitl/patches/p-1", headers=[("Authorization", value) for value in sent])
    assert (response.status_code, response.json()["type"]) == (401, f"/problems/{kind}")
    assert response.headers["www-authenticate"].startswith("Bearer realm=")


async def test_without_keys_nobody_is_let_in_and_told_to_come_again(
    guarded: tuple[httpx2.AsyncClient, Provider],
) -> None:
    client, provider = guarded
    provider.up = False
    with capture_logs() as lines:
        for _ in range(2):
            response = await client.get("/hitl/patches/p-1", headers={"Authorization": f"Bearer {signed()}"})
            assert (response.status_code, response.json()["type"]) == (503, "/problems/unavailable")
            assert response.json()["title"] == "The issuer does not answer, try again"
            assert "retry-after" in response.headers
    said = [line for line in lines if line["event"] == "issuer_unavailable"]
    assert [(line["log_level"], line["reason"]) for line in said] == [("warning", "down")], "as often as it is asked"


async def test_who_has_no_role_may_nothing(guarded: tuple[httpx2.AsyncClient, Provider]) -> None:
    client, _ = guarded
    response = await client.get("/hitl/patches/p-1", headers={"Authorization": f"bearer {signed()}"})
    assert (response.status_code, response.json()["type"]) == (403, "/problems/not-allowed")
