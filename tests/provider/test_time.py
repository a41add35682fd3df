"""What changes while the sidecar runs: keys are replaced, tokens end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_stream.sidecar.token import LEEWAY_S, REFRESH_S
from tests.harness import wait
from tests.provider.browser import Browser, Tokens, claims, header
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product


@pytest.fixture
def short_lived(keycloak: KeycloakServer) -> Iterator[Browser]:
    """A client whose tokens are good for a second."""
    with Browser(keycloak.issuer, "short-lived") as opened:
        yield opened


@pytest.mark.usefixtures("reviewing")
def test_new_keys_are_found_and_old_tokens_end_without_a_restart(
    product: Product, keycloak: KeycloakServer, browser: Browser, short_lived: Browser, ann: Tokens
) -> None:
    patch_id = product.review()
    ending = short_lived.login("ann")
    assert product.patch(patch_id, ending.access).status_code == 200

    keycloak.change_signing_key()
    new = browser.come_back()
    assert header(new.access)["kid"] != header(ann.access)["kid"]
    wait.until(lambda: product.patch(patch_id, new.access).status_code == 200, REFRESH_S + 15)
    assert product.patch(patch_id, ann.access).status_code == 200, "the old key is published still"

    wait.until(lambda: product.patch(patch_id, ending.access).status_code == 401, LEEWAY_S + 15)
    assert product.patch(patch_id, ending.access).json()["detail"] == "it has expired"
    renewed = short_lived.refreshed(ending)
    assert claims(renewed.access)["exp"] > claims(ending.access)["exp"]
    assert product.patch(patch_id, renewed.access).status_code == 200
