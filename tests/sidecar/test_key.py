"""The issuer's keys: how often they are asked for, how long they are believed, and what is no key."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar.token import Keys, TokenRefused, Verifier
from tests.sidecar.signing import AUDIENCE, EC, ISSUER, NOW, RSA, STRANGER, Provider, published, refusal, signed


async def test_an_unknown_key_asks_the_issuer_at_most_every_half_minute() -> None:
    provider = Provider(document=published(RSA))
    verifier = provider.verifier()
    for _ in range(5):
        with pytest.raises(TokenRefused):
            await verifier.verify(signed())
    assert provider.asked == 1
    provider.document = published(EC, RSA)
    provider.at += 30
    assert (await verifier.verify(signed())).subject == "alice"
    assert provider.asked == 2


async def test_many_at_once_ask_once() -> None:
    provider = Provider()
    verifier = provider.verifier()
    found = await asyncio.gather(*(verifier.verify(signed()) for _ in range(20)))
    assert {who.subject for who in found} == {"alice"}
    assert provider.asked == 1


async def test_known_keys_are_believed_for_an_hour_without_the_issuer_and_then_nobody_is_let_in() -> None:
    provider = Provider()
    verifier = provider.verifier()
    await verifier.verify(signed())
    provider.up = False
    provider.at += 3_599
    assert (await verifier.verify(signed())).subject == "alice"
    provider.at += 2
    with pytest.raises(Unavailable):
        await verifier.verify(signed())
    provider.up = True
    provider.at += 30
    assert (await verifier.verify(signed())).subject == "alice"


async def test_a_key_that_the_issuer_takes_back_is_believed_no_more_than_five_minutes() -> None:
    provider = Provider()
    verifier = provider.verifier()
    await verifier.verify(signed())
    provider.document = published(RSA)
    provider.at += 299
    await verifier.verify(signed())
    provider.at += 2
    with pytest.raises(TokenRefused):
        await verifier.verify(signed())


async def test_who_has_a_known_key_does_not_wait_for_an_issuer_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_stream.sidecar.token.PATIENCE_S", 0.05)
    provider, hanging, asked = Provider(), asyncio.Event(), 0

    async def fetch() -> bytes:
        nonlocal asked
        asked += 1
        await hanging.wait()
        return provider.document

    verifier = Verifier(ISSUER, AUDIENCE, Keys(fetch, lambda: provider.at), now=lambda: float(NOW))
    hanging.set()
    await verifier.verify(signed())
    hanging.clear()
    provider.at += 301
    async with asyncio.timeout(5):
        found = await asyncio.gather(*(verifier.verify(signed()) for _ in range(20)))
    assert ({who.subject for who in found}, asked) == ({"alice"}, 2)
    hanging.set()


async def test_a_token_that_was_accepted_once_is_not_accepted_for_ever() -> None:
    provider, now = Provider(), float(NOW)
    verifier = Verifier(ISSUER, AUDIENCE, Keys(provider.fetch, lambda: provider.at), now=lambda: now)
    token, short = signed(), signed(exp=NOW + 60)
    for one in (token, short):
        assert (await verifier.verify(one)).subject == (await verifier.verify(one)).subject == "alice"
    with pytest.raises(TokenRefused):
        await verifier.verify(token[:-4] + "AAAA")
    now += 91
    with pytest.raises(TokenRefused, match="expired"):
        await verifier.verify(short)
    # Another key under the same name: what the old one signed is nobody's word any more.
    provider.document = published(STRANGER)
    provider.at += 301
    with pytest.raises(TokenRefused, match="signature"):
        await verifier.verify(token)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": 7}', b"null"])
async def test_a_key_set_that_cannot_be_read_lets_nobody_in(document: bytes) -> None:
    with pytest.raises(Unavailable):
        await Provider(document=document).verifier().verify(signed())


@pytest.mark.parametrize(
    "odd",
    [
        7,
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "!"},
        {"kty": "EC", "kid": "odd", "crv": "brainpoolP256r1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": ["EC"], "kid": "odd"},
        {"kty": "oct", "kid": "odd", "k": "AA"},
    ],
)
async def test_one_odd_key_does_not_lock_everybody_out(odd: Any) -> None:
    document = orjson.loads(published(EC))
    document["keys"].insert(0, odd)
    assert (await Provider(document=orjson.dumps(document)).verifier().verify(signed())).subject == "alice"


async def test_keys_that_do_not_sign_are_no_keys() -> None:
    odd = orjson.dumps(
        {"keys": [{**EC.as_dict(private=False), "use": "enc"}, {**RSA.as_dict(private=False), "alg": "HS256"}]}
    )
    assert await refusal(signed(), Provider(document=odd))
    assert await refusal(signed(RSA, "RS256"), Provider(document=odd))
