"""Whatever the OpenAPI document allows, and what it does not: every answer is a described one, and never a 500.

Schemathesis makes the requests. In most of them the patch, its version and the cursor are made real, so that they get as far as
the database; which of them, and who asks, follows from the request itself, so that a failure can be repeated. Until an
operation got through, it is alice who asks for it, with the review that is kept for it. All of its checks run but for those of
`untrue`, and those about resources that are created and deleted, of which there are none here.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from hitl_stream.sidecar import cursor, openapi
from hitl_stream.store.queue import Sort
from tests.harness import database as databases
from tests.harness.availability import scaled
from tests.harness.postgres import PostgresServer
from tests.sidecar import logged, populated, served
from tests.sidecar.conftest import bearer

EXAMPLES = scaled(20, 200)  # beside those that try every bound of the schema
# Alice more often than the rest: she gets furthest. The last is nobody.
PEOPLE: Final = ("alice", "alice", "alice", "bob", "carol", "victor", "otto", "eureka-gate", None)
# The reviews that an action is for, other ones for each.
FITTING: Final[Mapping[str, tuple[str, ...]]] = {
    "approve": ("pending", "voted"),
    "reject": ("commented",),
    "revoke": ("approved", "glass"),
    "reopen": ("expired",),
    "claim": ("free",),
    "release": ("claimed",),
    "takeover": ("held",),
}
# What is refused with 422 although the schema allows it, because no schema can say it.
UNSAID: Final = (
    "at most 3 filters can have several values",
    "Max number of fields exceeded",
    "items: each patch once",
    "`_` stands for ?patch_id=",
    "Start again without one.",
    "This Idempotency-Key was used otherwise",
)
# A chance that picks the review that is kept for the action.
KEPT: Final = 0
# Two requests more for each, so not always.
ASKED_AGAIN_WITHOUT_A_TOKEN: Final = 8

Case = schemathesis.Case[Any]
SCHEMA = schemathesis.openapi.from_dict(
    openapi.document(),
    config=schemathesis.Config.from_dict(
        {
            "generation": {
                "deterministic": True,
                "no-shrink": True,  # the smaller request would find other reviews
                "with-security-parameters": False,  # who asks is chosen here
                "max-examples": EXAMPLES,
            },
            "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
        }
    ),
)


class Site:
    """The sidecar that is asked, and what there is to ask for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.cursors: dict[str, str] = {sort: self._cursor(f"patches/pending?limit=1&sort={sort}") for sort in Sort}
        self.cursors["audit"] = self._cursor("audit?limit=1")
        self.cursors["results"] = cursor.encode(0, "/wargaming", "e-1")

    def version(self, patch_id: str) -> str:
        return self._get(f"patches/{quote(patch_id, safe='')}").headers["ETag"]

    def _cursor(self, path: str) -> str:
        found = re.fullmatch('<(.*)>; rel="next"', self._get(path).headers["Link"])
        assert found is not None
        return parse_qs(urlsplit(found[1]).query)["cursor"][0]

    def _get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.address}/hitl/{path}", headers=bearer("alice"), timeout=30)


@pytest.fixture(scope="module")
def site(postgres: PostgresServer) -> Iterator[Site]:
    with databases.migrated(postgres) as url, logged.harmless(), served.populated_sidecar(url) as address:
        made = Site(address)
        yield made
        made.session.close()


@pytest.fixture
def answered() -> Iterator[Counter[int]]:
    """How often an operation answered with which status; it must have got through."""
    counted: Counter[int] = Counter()
    yield counted
    assert was_done(counted), f"this never got as far as it should: {counted}"


def was_done(counted: Counter[int]) -> bool:
    return any(status < 300 for status in counted)


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
def test_every_answer_is_described(case: Case, site: Site, answered: Counter[int]) -> None:
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.headers, case.body)).encode("utf-8", "replace"))
    chance, person = divmod(chance, len(PEOPLE))
    chance, unreal = divmod(chance, 4)
    if not was_done(answered):
        person, chance = 0, KEPT
    if unreal or chance == KEPT:
        make_real(case, site, chance)
    who = PEOPLE[person]
    headers = {} if who is None else bearer(who)
    response = case.call(site.address, site.session, headers)
    answered[response.status_code] += 1
    assert response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == ["nosniff"]
    sent = {"base_url": site.address, "session": site.session, "headers": headers}
    left_out = [*untrue(case, response, chance)]
    case.validate_response(response, headers=headers, excluded_checks=left_out, transport_kwargs=sent)


def make_real(case: Case, site: Site, chance: int) -> None:
    """Put in a real patch, its version, a cursor that was given out, and a key of its own, where something valid stood."""
    action = case.operation.path.rpartition("/")[2]
    if is_valid(case, ParameterLocation.HEADER) and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"{action} {chance}"
    if is_valid(case, ParameterLocation.PATH) and "patch_id" in case.path_parameters:
        fits = chance == KEPT or chance % 4 > 0
        wanted = real_id(chance, FITTING.get(action, ()) if fits else ())
        case.path_parameters["patch_id"] = quote(wanted, safe="")
        if is_valid(case, ParameterLocation.HEADER) and action in FITTING:
            case.headers["If-Match"] = site.version(wanted)
    if is_valid(case, ParameterLocation.QUERY) and "cursor" in case.query:
        order = action if action in site.cursors else case.query.get("sort", Sort.RISK)
        case.query["cursor"] = site.cursors[order]
    body: Any = case.body
    if is_valid(case, ParameterLocation.BODY) and action == "token":
        body["name"] = "alice"
    if is_valid(case, ParameterLocation.BODY) and action == "batch":
        for n, item in enumerate(body["items"][:4]):
            item["patch_id"] = real_id(chance + n)
            item["version"] = site.version(item["patch_id"])


def real_id(chance: int, begins: tuple[str, ...] = ()) -> str:
    """One of those that begin so, the first of which is kept from everything else."""
    ids = [name for name in populated.IDS if (name.startswith(begins) if begins else "/0 " not in name)]
    return ids[chance % len(ids)]


def is_valid(case: Case, place: ParameterLocation) -> bool:
    """Whether this part of the request is as the schema wants it."""
    told = case.meta.components.get(place) if case.meta else None
    return told is None or told.mode.is_positive


def untrue(case: Case, response: schemathesis.Response, chance: int) -> Iterator[schemathesis.CheckFunction]:
    """Checks that ask of this answer what the API does not promise."""
    if any(said in response.text for said in UNSAID):
        yield checks.positive_data_acceptance
    # What is empty is as if it were not there, whatever the schema says.
    sent = parse_qs(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    if any("" in values for values in sent.values()):
        yield checks.negative_data_rejection
    if case.operation.path == "/hitl/patches/batch":  # GET asks for the patch of that name
        yield checks.unsupported_method
    if chance % ASKED_AGAIN_WITHOUT_A_TOKEN:
        yield checks.ignored_auth
