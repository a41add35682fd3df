"""The OpenAPI document: every route is in it, it is the one that is committed and served, and it says what is asked for."""

from __future__ import annotations

import httpx2
from jsonschema import Draft202012Validator

from hitl_stream.sidecar import openapi, operation
from hitl_stream.sidecar.permission import ANYBODY, PERMISSIONS
from tests.rules.source import ROOT


def test_every_route_is_described() -> None:
    assert set(operation.OPERATIONS) | operation.UNDESCRIBED == set(PERMISSIONS)


def test_the_committed_document_is_the_present_one() -> None:
    assert (ROOT / "schemas" / "http" / "openapi.json").read_text() == openapi.document_text(), "run make schemas"


async def test_it_is_served_to_anybody(client: httpx2.AsyncClient) -> None:
    response = await client.get("/openapi.json", headers={"Authorization": ""})
    assert response.json() == openapi.document()


def test_its_schemas_are_schemas_and_its_operations_have_names_of_their_own() -> None:
    document = openapi.document()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_who_may_is_said() -> None:
    document = openapi.document()
    for (method, path), allowed in PERMISSIONS.items():
        if (method, path) not in operation.UNDESCRIBED:
            told = document["paths"][path][method.lower()]
            assert ("security" in told, "401" in told["responses"]) == (allowed != ANYBODY,) * 2
