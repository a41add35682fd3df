"""Settings come from the environment only, and never show a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_stream import settings
from hitl_stream.settings import Settings, SettingsInvalid

URL = "postgresql://me:s3cret@db/hitl"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(f"HITL_{name.upper()}", raising=False)
    monkeypatch.delenv("AUTO_APPROVE_ENABLED", raising=False)


DOCUMENTED = {
    "HITL_DATABASE_URL": ("database", URL, URL),
    "HITL_KAFKA_BOOTSTRAP_SERVERS": ("kafka_bootstrap_servers", "b:9092", "b:9092"),
    "HITL_KAFKA_SECURITY_PROTOCOL": ("kafka_security_protocol", "ssl", "SSL"),
    "HITL_KAFKA_SASL_MECHANISM": ("kafka_sasl_mechanism", "scram-sha-512", "SCRAM-SHA-512"),
    "HITL_KAFKA_SASL_USERNAME": ("kafka_sasl_username", "worker", "worker"),
    "HITL_CONSUMER_GROUP": ("consumer_group", "other", "other"),
    "HITL_ENVIRONMENT": ("environment", "production", "production"),
    "HITL_HTTP_HOST": ("http_host", "0.0.0.0", "0.0.0.0"),
    "HITL_HTTP_PORT": ("http_port", "8080", 8080),
    "HITL_METRICS_HOST": ("metrics_host", "0.0.0.0", "0.0.0.0"),
    "HITL_METRICS_PORT": ("metrics_port", "9999", 9999),
    "HITL_AUTH_ISSUER": ("auth_issuer", "https://idp", "https://idp"),
    "HITL_AUTH_AUDIENCE": ("auth_audience", "hitl", "hitl"),
    "HITL_HTTP_ORIGINS": (
        "http_origins",
        "https://a.example, https://B.example:8443",
        ("https://a.example", "https://b.example:8443"),
    ),
    "HITL_AUTH_NAME_CLAIM": ("auth_name_claim", "email", "email"),
    "HITL_AUTH_GROUPS_CLAIM": ("auth_groups_claim", "realm_access.roles", "realm_access.roles"),
    "HITL_AUTH_JWKS_URL": ("auth_jwks_url", "https://idp/keys", "https://idp/keys"),
    "HITL_LOG_FORMAT": ("log_format", "console", "console"),
    "HITL_TRACES_ENDPOINT": ("traces_endpoint", "http://otel:4318/v1/traces", "http://otel:4318/v1/traces"),
    "AUTO_APPROVE_ENABLED": ("auto_approve_enabled", "false", False),
}


@pytest.mark.parametrize("variable", DOCUMENTED)
def test_every_documented_variable_is_read(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    field, text, value = DOCUMENTED[variable]
    monkeypatch.setenv(variable, text)
    assert getattr(settings.load(), field) == value


@pytest.mark.parametrize("name", ["TOPICS_FILE", "KAFKA_SSL_CAFILE"])
def test_variables_that_name_files_keep_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(f"HITL_{name}", str(file))
    assert getattr(settings.load(), name.lower()) == file


def test_the_defaults_are_those_of_a_laptop() -> None:
    loaded = settings.load()
    assert (loaded.consumer_group, loaded.environment, loaded.log_format) == ("hitl-stream", "local", "json")
    assert (loaded.http_host, loaded.http_port, loaded.metrics_port) == ("127.0.0.1", 8027, 9027)
    assert loaded.auto_approve_enabled


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("HITL_DATABASE_URL", lambda s: s.database),
        (
            "HITL_KAFKA_SASL_PASSWORD",
            lambda s: s.kafka_sasl_password.get_secret_value() if s.kafka_sasl_password else "",
        ),
    ],
)
def test_a_secret_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, read: Callable[[Settings], str]
) -> None:
    file = tmp_path / "secret"
    file.write_text(URL + "\n")
    monkeypatch.setenv(f"{variable}_FILE", str(file))
    assert read(settings.load()) == URL
    monkeypatch.setenv(variable, URL)
    with pytest.raises(SettingsInvalid, match="not both"):
        settings.load()


def test_a_secret_file_that_is_missing_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL_FILE", "/nowhere/secret")
    with pytest.raises(SettingsInvalid, match="HITL_DATABASE_URL_FILE: cannot be read: No such file"):
        settings.load()


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL", URL)
    monkeypatch.setenv("HITL_KAFKA_SASL_PASSWORD", "s3cret")
    monkeypatch.setenv("HITL_KAFKA_BOOTSTRAP_SERVERS", "b:9092")
    loaded = settings.load()
    assert "s3cret" not in repr(loaded) + str(loaded) + repr(loaded.kafka) + loaded.model_dump_json()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HITL_DATABASE_URL", "mysql://me:s3cret@db/hitl"),
        ("HITL_HTTP_PORT", "s3cret"),
        ("HITL_HTTP_PORT", "0"),
        ("HITL_LOG_FORMAT", "s3cret"),
        ("HITL_TRACES_ENDPOINT", "s3cret"),
        ("AUTO_APPROVE_ENABLED", "s3cret"),
        ("HITL_TOPICS_FILE", "/nowhere/s3cret"),
    ],
)
def test_a_wrong_value_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid) as caught:
        settings.load()
    assert str(caught.value).startswith(f"{variable}: ")
    assert "s3cret" not in str(caught.value)


def test_an_empty_kill_switch_is_not_taken_for_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_APPROVE_ENABLED", " ")
    with pytest.raises(SettingsInvalid, match="true or false"):
        settings.load()


def test_empty_elsewhere_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_HTTP_PORT", "")
    assert settings.load().http_port == 8027


def test_what_is_not_set_is_missed_only_where_it_is_needed() -> None:
    loaded = settings.load()
    with pytest.raises(SettingsInvalid, match=r"HITL_DATABASE_URL \(or HITL_DATABASE_URL_FILE\) is not set"):
        _ = loaded.database
    with pytest.raises(SettingsInvalid, match="HITL_KAFKA_BOOTSTRAP_SERVERS is not set"):
        _ = loaded.kafka


def test_half_a_login_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsInvalid, match="HITL_KAFKA_SASL_MECHANISM, HITL_KAFKA_SASL_USERNAME"):
        settings.load()


def test_spelling_mistakes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABSE_URL", "x")
    monkeypatch.setenv("HITL_TEST_PATCHES", "x")
    monkeypatch.setenv("HITL_DATABASE_URL_FILE", "x")
    assert settings.unknown_variables() == ["HITL_DATABSE_URL"]


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_APPROVE_ENABLED", "true")
    monkeypatch.setenv("HITL_HTTP_PORT", "1")
    loaded = settings.load(http_port=2, auto_approve_enabled=False)
    assert (loaded.http_port, loaded.auto_approve_enabled) == (2, False)


def test_a_child_gets_our_environment_with_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_ENVIRONMENT", "staging")
    environment = settings.child_environment(HITL_HTTP_PORT="1")
    assert (environment["HITL_ENVIRONMENT"], environment["HITL_HTTP_PORT"]) == ("staging", "1")
