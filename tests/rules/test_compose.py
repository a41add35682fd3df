"""docker-compose.kafka.yml is sound, closed to the network, and agrees with the product it starts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from typer.main import get_command

from hitl_stream.settings import KILL_SWITCH, Settings
from tests.rules.source import ROOT

FILE = ROOT / "docker-compose.kafka.yml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, Any] = DOCUMENT["services"]
ALWAYS = {"kafka", "postgres", "topics", "migrate", "worker", "scheduler", "sidecar"}
PROFILES = {"observe": {"prometheus", "grafana"}, "auth": {"keycloak"}}
OURS = ("topics", "migrate", "worker", "scheduler", "sidecar")
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+(\.\d+)*$")


def is_job(name: str) -> bool:
    conditions = (service.get("depends_on", {}).get(name, {}).get("condition") for service in SERVICES.values())
    return SERVICES[name].get("restart") == "no" and "service_completed_successfully" in conditions


def test_it_follows_the_compose_specification() -> None:
    parsed = PyCompose.from_json(json.dumps(DOCUMENT))  # after merging: the checker knows no merge keys
    parsed.validate()
    assert set(parsed.to_dict()["services"]) == set(SERVICES)


@pytest.mark.parametrize(
    "mistake",
    [{"portz": []}, {"ports": ["a:b:c:d"]}, {"healthcheck": {"interval": "often"}}],
)
def test_the_checker_finds_a_mistake(mistake: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(DOCUMENT))
    changed["services"]["kafka"].update(mistake)
    with pytest.raises(ValueError, match=r"."):
        PyCompose.from_json(json.dumps(changed)).validate()


def test_all_parts_are_there_and_only_extras_need_a_profile() -> None:
    by_profile: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for profile in service.get("profiles", ["always"]):
            by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {"always": ALWAYS, **PROFILES}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_on_loopback_only(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not str(port).startswith("127.0.0.1:")] == []
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_health_check_or_is_a_job_that_others_wait_for(name: str) -> None:
    assert is_job(name) != ("healthcheck" in SERVICES[name])


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if service.get("build"):
        assert service["image"] == "hitl-stream:local"
    else:
        assert PINNED.match(service["image"])


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_told_only_what_settings_know(name: str) -> None:
    known = {KILL_SWITCH} | {f"HITL_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) - known == set()


@pytest.mark.parametrize("name", OURS)
def test_a_command_of_ours_exists(name: str) -> None:
    from hitl_stream.cli import app

    commands: Any = get_command(app)
    for word in SERVICES[name]["command"]:
        if word.startswith("--"):
            assert word in {option for parameter in commands.params for option in parameter.opts}
            break
        commands = commands.commands[word]


def test_what_is_waited_for_exists_and_can_become_so() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert condition in ("service_healthy", "service_completed_successfully")
            assert is_job(other) == (condition == "service_completed_successfully")


def test_the_data_of_postgres_lie_where_the_image_keeps_them() -> None:
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_named_volumes_are_declared_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in DOCUMENT["volumes"]


def test_prometheus_asks_every_process_of_ours_where_it_answers() -> None:
    jobs = yaml.safe_load((ROOT / "compose/prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs if "static_configs" in job}
    (workers,) = (job["dns_sd_configs"] for job in jobs if job["job_name"] == "worker")
    defaults = Settings.model_fields
    # Each container has one process, and so one port; there may be several containers.
    assert SERVICES["worker"]["command"] == ["worker", "--processes", "1"]
    assert [(one["names"], one["type"], one["port"]) for one in workers] == [
        (["worker"], "A", defaults["metrics_port"].default)
    ]
    assert targets["scheduler"] == [f"scheduler:{defaults['metrics_port'].default}"]
    assert targets["sidecar"] == [f"sidecar:{defaults['http_port'].default}"]


def test_keycloak_names_the_audience_and_the_roles_in_its_tokens() -> None:
    realm = json.loads((ROOT / "compose/keycloak-realm.json").read_text())
    (client,) = realm["clients"]
    mappers = {mapper["protocolMapper"] for mapper in client["protocolMappers"]}
    assert mappers == {"oidc-audience-mapper", "oidc-usermodel-realm-role-mapper"}
    roles = {role["name"] for role in realm["roles"]["realm"]}
    assert all(set(user["realmRoles"]) <= roles for user in realm["users"])
    assert all(user["id"] for user in realm["users"])


def test_the_image_is_pinned_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    bases = {line.split()[1] for line in lines if line.startswith("FROM")}
    assert bases == {"python:3.11-slim-bookworm", "node:24-bookworm-slim"}
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]


def test_what_the_image_copies_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert {name.split("/")[0] for names in copies for name in names if not name.startswith(("--", "/"))} <= allowed
