"""What a neighbour asks the sidecar, as somebody of the demo: the gate, a patch, a decision. Plain HTTP."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import orjson

from hitl_stream.errors import Refused, Unavailable

TIMEOUT_S = 10.0


class Sidecar:
    """One sidecar at `url`, asked with one bearer token, or as `name` of the demo's people with tokens that it gives out."""

    def __init__(self, url: str, *, token: str | None = None, name: str | None = None) -> None:
        self.url = url
        self._token = token
        self._name = name
        self._opener = build_opener(ProxyHandler({}))  # it is on this machine, whatever proxy is set for others

    def gate(self, patch_id: str, digest: str) -> dict[str, Any]:
        """The gate's answer for one artefact. Raises Unavailable, Refused."""
        body, _ = self._ask("GET", f"/hitl/patches/{quote(patch_id, safe='')}/gate?digest={quote(digest)}")
        return body

    def patch(self, patch_id: str) -> tuple[dict[str, Any], str]:
        """A patch and its entity tag. Raises Unavailable, Refused."""
        return self._ask("GET", f"/hitl/patches/{quote(patch_id, safe='')}")

    def decide(self, patch_id: str, action: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """Approve or reject what was seen under that version. Raises Unavailable, Refused."""
        path = f"/hitl/patches/{quote(patch_id, safe='')}/{action}"
        return self._ask("POST", path, orjson.dumps(body), {"If-Match": version, "Content-Type": "application/json"})[0]

    def login(self, name: str) -> str:
        """A token of one of the demo's people. Raises Unavailable, Refused."""
        body, _ = self._send("POST", "/demo/token", orjson.dumps({"name": name}), {"Content-Type": "application/json"})
        return str(body["access_token"])

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], str]:
        """Ask as whom we are; keys of the demo die with its sidecar, so a refused token is asked for once more."""
        if self._token is None and self._name is not None:
            self._token = self.login(self._name)
        try:
            return self._send(method, path, body, self._authorized(headers))
        except Refused as refusal:
            if self._name is None or not str(refusal).startswith("401"):
                raise
        self._token = self.login(self._name)
        return self._send(method, path, body, self._authorized(headers))

    def _authorized(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {**(headers or {}), **({} if self._token is None else {"Authorization": f"Bearer {self._token}"})}

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], str]:
        request = Request(self.url + path, body, headers or {}, method=method)  # noqa: S310 - always our own http URL
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return orjson.loads(response.read()), response.headers.get("ETag", "")
        except HTTPError as error:
            told = error.read()[:500].decode(errors="replace")
            if error.code >= 500:
                raise Unavailable(f"sidecar: {error.code} {told}") from error
            raise Refused(f"{error.code} {told}") from error
        except (OSError, HTTPException, orjson.JSONDecodeError) as error:
            raise Unavailable(f"sidecar: {error}") from error
