"""What is critical needs a login of the last five minutes: the provider says when that was, and asks again when told to."""

from __future__ import annotations

import time

import pytest

from tests.harness import wait
from tests.provider.browser import Browser, Tokens, claims
from tests.provider.conftest import granted
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product

CRITICAL = {"vulnerability__severity": "critical"}


@pytest.mark.usefixtures("reviewing")
def test_two_who_have_just_logged_in_approve_what_is_critical(
    product: Product, keycloak: KeycloakServer, ann: Tokens
) -> None:
    patch_id = product.review(**CRITICAL)
    first = product.say(patch_id, "approve", ann.access, product.version(patch_id, ann.access))
    assert (first.status_code, first.json()["decision"]) == (200, None)
    with Browser(keycloak.issuer) as second:
        ben = second.login("ben").access
    last = product.say(patch_id, "approve", ben, product.version(patch_id, ben))
    assert (last.status_code, last.json()["decision"]) == (200, "approved")
    assert last.json()["approvals"] == [claims(ann.access)["sub"], claims(ben)["sub"]]


def test_a_token_that_tells_of_no_login_is_too_old(product: Product, keycloak: KeycloakServer) -> None:
    patch_id = product.review(**CRITICAL)
    token = keycloak.client_token("hitl-gate")
    assert "auth_time" not in claims(token)
    with granted(product, "/deployment-gates", "reviewer"):
        refused = product.say(patch_id, "approve", token, product.version(patch_id, token))
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/login-too-old")
    assert 'error="insufficient_user_authentication", max_age="300"' in refused.headers["www-authenticate"]


def test_coming_back_or_refreshing_is_no_login(browser: Browser, ann: Tokens) -> None:
    logged_in_at = claims(ann.access)["auth_time"]
    wait.until(lambda: time.time() > logged_in_at + 2)
    assert claims(browser.come_back(max_age="300").access)["auth_time"] == logged_in_at
    assert claims(browser.refreshed(ann).access)["auth_time"] == logged_in_at


@pytest.mark.parametrize("wishes", [{"max_age": "1"}, {"prompt": "login"}])
def test_a_login_is_new_when_it_is_asked_for(browser: Browser, ann: Tokens, wishes: dict[str, str]) -> None:
    logged_in_at = claims(ann.access)["auth_time"]
    wait.until(lambda: time.time() > logged_in_at + 3)
    asked = browser.authorize(**wishes)
    assert asked.status_code == 200, "the form again, though the session is there"
    assert claims(browser.login("ann", **wishes).access)["auth_time"] > logged_in_at
