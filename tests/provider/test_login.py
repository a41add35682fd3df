"""People log in at the provider and decide, as long as their group has the role and their token its time."""

from __future__ import annotations

import pytest

from tests.provider.browser import Browser, Tokens, claims, code_of
from tests.provider.conftest import granted
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product


def test_a_person_decides_until_the_role_is_taken_away(product: Product, browser: Browser) -> None:
    first, second = product.review(), product.review()
    with granted(product, "/security-engineers", "reviewer"):
        token = browser.login("ann").access
        approved = product.say(first, "approve", token, product.version(first, token), {"comment": "fine"})
        assert (approved.status_code, approved.json()["decision"]) == (200, "approved")
        assert approved.json()["approvals"] == [claims(token)["sub"]]
        seen, later = product.version(first, token), product.version(second, token)
        assert product.access("revoke", "/security-engineers", "reviewer") == 0
        before = product.rows()
        for patch_id, action, version in ((second, "approve", later), (first, "revoke", seen)):
            refused = product.say(patch_id, action, token, version, {"reason": "too late"})
            assert refused.status_code == 403
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["type"] == "/problems/not-allowed"
        assert product.rows() == before
    with granted(product, "/security-engineers", "reviewer"):
        again = product.say(second, "approve", token, later)
        assert again.json()["decision"] == "approved", "it was the role, not the token"


def test_a_group_without_a_role_may_nothing(product: Product, browser: Browser) -> None:
    token = browser.login("gus").access
    assert claims(token)["groups"] == ["/guests"]
    refused = product.patch(product.review(), token)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")


@pytest.mark.parametrize("verifier", ["", "x" * 64])
def test_a_code_is_worth_nothing_without_its_verifier(browser: Browser, verifier: str) -> None:
    code = code_of(browser.fill_in(browser.authorize(), "ann", "ann-password"))
    refused = browser.exchange(code, verifier)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert "PKCE" in refused.json()["error_description"]


@pytest.mark.parametrize(
    "wishes", [{"code_challenge": "", "code_challenge_method": ""}, {"code_challenge_method": "plain"}]
)
def test_no_login_begins_without_a_hashed_challenge(browser: Browser, wishes: dict[str, str]) -> None:
    refused = browser.authorize(**wishes)
    assert "error=invalid_request" in refused.headers["location"]


def test_a_wrong_password_gives_no_code(browser: Browser) -> None:
    refused = browser.fill_in(browser.authorize(), "ann", "ben-password")
    assert (refused.status_code, refused.headers.get("location")) == (200, None)


@pytest.mark.usefixtures("reviewing")
def test_a_refreshed_token_is_as_good_until_the_session_ends(product: Product, browser: Browser, ann: Tokens) -> None:
    patch_id = product.review()
    new = browser.refreshed(ann)
    assert claims(new.access)["jti"] != claims(ann.access)["jti"]
    for token in (ann.access, new.access):
        assert product.patch(patch_id, token).status_code == 200
    browser.logout(new)
    ended = browser.refresh(new.refresh)
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    assert product.patch(patch_id, new.access).status_code == 200, (
        "the provider is not asked again: it ends with its time"
    )


@pytest.mark.usefixtures("reviewing")
def test_only_access_tokens_for_us_are_believed(
    product: Product, browser: Browser, keycloak: KeycloakServer, ann: Tokens
) -> None:
    patch_id = product.review()
    with Browser(keycloak.issuer, "elsewhere") as other:
        foreign = other.login("ann").access
    with Browser(keycloak.issuer, "without-basic") as other:
        nameless = other.login("ann").access
    assert claims(foreign)["groups"] == claims(ann.access)["groups"]
    cases = [
        (ann.id, "it is no access token"),
        (ann.refresh, "it is signed with a key that the issuer does not publish"),
        (foreign, "it is for another audience"),
        (keycloak.client_token("operator"), "it is for another audience"),
        (nameless, "it names nobody"),
    ]
    for token, words in cases:
        refused = product.patch(patch_id, token)
        told = refused.json()
        assert (refused.status_code, told["type"], told["detail"]) == (401, "/problems/invalid-token", words)
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert product.patch(patch_id, ann.access).status_code == 200
