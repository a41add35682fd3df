"""Machines: a service account asks the gate, and that is all it may. Its tokens say `at+jwt`, as RFC 9068 has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provider.browser import Tokens, claims, header
from tests.provider.conftest import granted
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product


@pytest.fixture
def machine(product: Product, keycloak: KeycloakServer) -> Iterator[str]:
    """The token of the service account; its group may ask the gate."""
    with granted(product, "/deployment-gates", "gate"):
        yield keycloak.client_token("hitl-gate")


def test_its_token_is_one_of_the_other_kind(machine: str, ann: Tokens) -> None:
    assert (header(machine)["typ"], header(ann.access)["typ"]) == ("at+jwt", "JWT")
    assert claims(machine)["groups"] == ["/deployment-gates"]


@pytest.mark.usefixtures("reviewing")
def test_it_asks_the_gate_and_does_nothing_else(product: Product, machine: str, ann: Tokens) -> None:
    patch_id = product.review()
    assert product.gate(patch_id, machine).json()["deployable"] is False
    seen = product.version(patch_id, ann.access)
    before = product.rows()
    for action in ("approve", "reject", "revoke", "comment", "claim"):
        assert product.say(patch_id, action, machine, seen, {"reason": "I am a machine"}).status_code == 403
    for path in ("/hitl/patches/pending", f"/hitl/patches/{patch_id}", "/hitl/audit"):
        assert product.get(path, machine).status_code == 403
    assert product.rows() == before
    assert product.say(patch_id, "approve", ann.access, seen).status_code == 200
    assert product.gate(patch_id, machine).json()["deployable"] is True


def test_without_the_role_it_may_not_even_ask(product: Product, keycloak: KeycloakServer) -> None:
    asked = product.gate("p-1", keycloak.client_token("hitl-gate"))
    assert (asked.status_code, asked.json()["type"]) == (403, "/problems/not-allowed")
