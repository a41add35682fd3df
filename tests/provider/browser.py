"""Logs people in as a browser does, without one: authorization code with PKCE (RFC 7636), and the session in cookies."""

from __future__ import annotations

import html
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from http.cookiejar import CookieJar, DefaultCookiePolicy
from secrets import token_urlsafe
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson

REDIRECT = "http://127.0.0.1:8027/signed-in"
FORM = re.compile(r'<form[^>]* action="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    access: str
    refresh: str
    id: str


class Browser:
    """One person's browser, at one client of the provider."""

    def __init__(self, issuer: str, client: str = "hitl-console") -> None:
        # The provider's cookies are Secure on loopback too: browsers send them there, a jar has to be told.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._web = httpx2.Client(cookies=jar, trust_env=False, timeout=60.0)
        self._client = client
        self._at: dict[str, Any] = self._web.get(f"{issuer}/.well-known/openid-configuration").json()
        self._verifier = token_urlsafe(48)

    def login(self, name: str, **wishes: str) -> Tokens:
        """Log in with the name and its password."""
        answer = self.exchange(code_of(self.fill_in(self.authorize(**wishes), name, f"{name}-password")))
        return _tokens(answer)

    def come_back(self, **wishes: str) -> Tokens:
        """Log in by the session that is there, without a password."""
        return _tokens(self.exchange(code_of(self.authorize(**wishes))))

    def authorize(self, **wishes: str) -> httpx2.Response:
        """What the provider answers to who wants to log in: its form, or the way back with a code. "" leaves one out."""
        challenge = urlsafe_b64encode(sha256(self._verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._client,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": "openid",
            "state": token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **wishes,
        }
        said = {name: value for name, value in asked.items() if value}
        return self._web.get(self._at["authorization_endpoint"], params=said)

    def fill_in(self, page: httpx2.Response, name: str, password: str) -> httpx2.Response:
        """Send the form of that page."""
        found = FORM.search(page.text)
        assert found, f"no form: {page.status_code} {page.headers.get('location')} {page.text[:2000]}"
        return self._web.post(html.unescape(found[1]), data={"username": name, "password": password})

    def exchange(self, code: str, verifier: str | None = None) -> httpx2.Response:
        """Ask for the tokens that the code stands for. A verifier of "" sends none."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        proof = self._verifier if verifier is None else verifier
        return self._ask("token_endpoint", {**form, **({"code_verifier": proof} if proof else {})})

    def refresh(self, refresh: str) -> httpx2.Response:
        """Ask for new tokens."""
        return self._ask("token_endpoint", {"grant_type": "refresh_token", "refresh_token": refresh})

    def refreshed(self, tokens: Tokens) -> Tokens:
        """New tokens for these."""
        return _tokens(self.refresh(tokens.refresh))

    def logout(self, tokens: Tokens) -> None:
        """End the session at the provider."""
        assert self._ask("end_session_endpoint", {"refresh_token": tokens.refresh}).status_code == 204

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._web.close()

    def _ask(self, endpoint: str, form: dict[str, str]) -> httpx2.Response:
        return self._web.post(self._at[endpoint], data={"client_id": self._client, **form})


def code_of(answer: httpx2.Response) -> str:
    """The code on the way back to the console."""
    way_back = answer.headers.get("location", "")
    assert way_back.startswith(REDIRECT), f"no way back: {answer.status_code} {way_back} {answer.text[:2000]}"
    (code,) = parse_qs(urlsplit(way_back).query)["code"]
    return code


def claims(token: str) -> dict[str, Any]:
    """What the token says."""
    return _part(token, 1)


def header(token: str) -> dict[str, Any]:
    """What the token says of itself."""
    return _part(token, 0)


def _part(token: str, number: int) -> dict[str, Any]:
    part = token.split(".")[number]
    found: dict[str, Any] = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _tokens(answer: httpx2.Response) -> Tokens:
    assert answer.status_code == 200, answer.text
    given = answer.json()
    return Tokens(given["access_token"], given["refresh_token"], given["id_token"])
