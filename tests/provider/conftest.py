"""One Keycloak and one sidecar that believes it, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hitl_stream.errors import Fatal
from tests.harness import database as databases
from tests.harness.availability import missing
from tests.harness.postgres import PostgresServer
from tests.provider.browser import Browser, Tokens
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product


@pytest.fixture(scope="package")
def keycloak() -> Iterator[KeycloakServer]:
    """Keycloak, with the people and clients of realm.json."""
    server = KeycloakServer()
    try:
        server.start()
    except Fatal as error:
        server.close()
        missing("Keycloak", error)
    yield server
    server.close()


@pytest.fixture(scope="package")
def product(
    keycloak: KeycloakServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A sidecar process over a database of its own, told to believe Keycloak."""
    with databases.migrated(postgres) as url:
        made = Product(url, keycloak.issuer, tmp_path_factory.mktemp("provider") / "sidecar.log")
        yield made
        made.stop()


@pytest.fixture
def browser(keycloak: KeycloakServer) -> Iterator[Browser]:
    with Browser(keycloak.issuer) as opened:
        yield opened


@pytest.fixture
def ann(browser: Browser) -> Tokens:
    """Ann, a security engineer, has just logged in."""
    return browser.login("ann")


@pytest.fixture
def reviewing(product: Product) -> Iterator[None]:
    """While a test runs, security engineers are reviewers."""
    with granted(product, "/security-engineers", "reviewer"):
        yield


@contextmanager
def granted(product: Product, group: str, role: str) -> Iterator[None]:
    """The group has the role, and afterwards it has it no more."""
    assert product.access("grant", group, role) == 0
    try:
        yield
    finally:
        product.access("revoke", group, role)
