"""What a process is told by its environment. The only reader of the environment; everything else gets values handed in.

Names are `HITL_` + the field's name, but for AUTO_APPROVE_ENABLED. Secrets may come from a file instead (`…_FILE`). A
wrong value stops the process, and no message repeats it: it could be a secret under the wrong name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.errors import HitlError

PREFIX = "HITL_"
_ORIGIN = re.compile(r"(https?)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_COLLECTOR = re.compile(r"https?://([a-zA-Z0-9_.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[a-zA-Z0-9_.~-]+)+")
_OWN_PORTS = (("http", "80"), ("https", "443"))  # which no browser names
KILL_SWITCH = "AUTO_APPROVE_ENABLED"
LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
SECRETS = ("database_url", "kafka_sasl_password")
_UPPER = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)

Port = Annotated[int, Field(ge=1, le=65_535)]


class SettingsInvalid(HitlError):
    """The environment is wrong or lacks something: one line per variable, without values."""


class Settings(BaseSettings):
    """All that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    database_url: SecretStr | None = None
    kafka_bootstrap_servers: str | None = None
    kafka_security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], _UPPER] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None, _UPPER] = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: FilePath | None = None
    kafka_ssl_certfile: FilePath | None = None
    kafka_ssl_keyfile: FilePath | None = None
    consumer_group: str = Field("hitl-stream", min_length=1, max_length=255)
    topics_file: FilePath | None = None
    environment: str = Field("local", min_length=1)
    http_host: str = Field("127.0.0.1", min_length=1)
    http_port: Port = 8027
    http_origins: Annotated[tuple[str, ...], NoDecode] = ()
    metrics_host: str = Field("127.0.0.1", min_length=1)
    metrics_port: Port = 9027
    auth_issuer: str | None = None
    auth_audience: str | None = None
    auth_jwks_url: str | None = None
    auth_groups_claim: str = Field("groups", min_length=1)
    auth_name_claim: str = Field("preferred_username", min_length=1)
    auth_client_id: str = Field("hitl-console", min_length=1)
    auth_scope: str = Field("openid", min_length=1)
    log_format: Literal["json", "console"] = "json"
    traces_endpoint: str | None = None
    auto_approve_enabled: bool = Field(True, validation_alias=AliasChoices(KILL_SWITCH, "auto_approve_enabled"))

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in ("postgresql", "postgres"):
            raise ValueError("must begin with postgresql://")
        return url

    @field_validator("auth_issuer", "auth_jwks_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname):
            raise ValueError("must begin with https:// (http:// in environment local, or on this machine)")
        return url

    @field_validator("traces_endpoint")
    @classmethod
    def _is_collector(cls, url: str | None) -> str | None:
        if url is not None and not _COLLECTOR.fullmatch(url):
            raise ValueError(
                "where spans are posted, such as http://collector:4318/v1/traces; keys go into OTEL_EXPORTER_OTLP_HEADERS"
            )
        return url

    @field_validator("http_origins", mode="before")
    @classmethod
    def _are_origins(cls, given: str | tuple[str, ...]) -> tuple[str, ...]:
        origins = given.split(",") if isinstance(given, str) else given
        found = tuple(origin.strip().lower() for origin in origins if origin.strip())
        read = [_ORIGIN.fullmatch(origin) for origin in found]
        if any(parts is None or (parts[1], parts[3]) in _OWN_PORTS for parts in read):
            raise ValueError("origins as browsers send them, with commas between: https://console.example.org")
        return found

    @field_validator("kafka_ssl_keyfile", "kafka_ssl_certfile")
    @classmethod
    def _is_readable(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and not os.access(path, os.R_OK):
            raise ValueError("this user may not read the file")
        return path

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL"):
            needed = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
            lacking = [_variable(name) for name in needed if getattr(self, name) is None]
            if lacking:
                raise ValueError(f"{_variable('kafka_security_protocol')} is SASL: set {', '.join(lacking)} too")
        if (self.kafka_ssl_certfile is None) != (self.kafka_ssl_keyfile is None):
            raise ValueError(
                f"set both {_variable('kafka_ssl_certfile')} and {_variable('kafka_ssl_keyfile')}, or neither"
            )
        return self

    @model_validator(mode="after")
    def _keys_are_the_issuers(self) -> Self:
        for name in ("auth_issuer", "auth_jwks_url"):
            parts = urlsplit(getattr(self, name) or "")
            if parts.scheme == "http" and self.environment != "local" and parts.hostname not in LOOPBACK:
                raise ValueError(f"{_variable(name)}: keys that come without https can be anybody's")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment and the files it names; no .env file, no secrets folder that somebody forgot."""
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @property
    def database(self) -> str:
        """Where Postgres is, with the password in it. Raises SettingsInvalid when it is not set."""
        if self.database_url is None:
            raise _not_set("database_url")
        return self.database_url.get_secret_value()

    @property
    def kafka(self) -> KafkaConnection:
        """How to reach the broker. Raises SettingsInvalid when it is not set."""
        if self.kafka_bootstrap_servers is None:
            raise _not_set("kafka_bootstrap_servers")
        password = self.kafka_sasl_password
        return KafkaConnection(
            bootstrap_servers=self.kafka_bootstrap_servers,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_sasl_username,
            password=password.get_secret_value() if password else None,
            ssl_cafile=_text(self.kafka_ssl_cafile),
            ssl_certfile=_text(self.kafka_ssl_certfile),
            ssl_keyfile=_text(self.kafka_ssl_keyfile),
        )


class _SecretFiles(PydanticBaseSettingsSource):
    """`HITL_<SECRET>_FILE` names a file that holds the secret, as mounted by Docker and Kubernetes."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        if field_name not in SECRETS:
            return None, field_name, False
        variable = _variable(field_name)
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            return None, field_name, False
        if os.environ.get(variable):
            raise SettingsInvalid(f"set {variable} or {variable}_FILE, not both")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(
                f"{variable}_FILE: cannot be read: {getattr(error, 'strerror', None) or 'not text'}"
            ) from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(None, name)[0] for name in SECRETS}
        return {name: value for name, value in values.items() if value is not None}


def load(**given: Any) -> Settings:
    """Read the environment; `given` (by field name) goes before it. Raises SettingsInvalid naming every wrong variable."""
    if not os.environ.get(KILL_SWITCH, "set").strip():
        # Anywhere else empty means unset; here somebody may have meant "off", and unset would mean "on".
        raise SettingsInvalid(f"{KILL_SWITCH}: is empty; say true or false")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_problem(one) for one in error.errors(include_input=False))) from None


def unknown_variables() -> list[str]:
    """Variables that look like ours and are not read by anything: most often a spelling mistake; those of the tests apart."""
    fields = Settings.model_fields
    known = {_variable(name) for name in fields} | {f"{_variable(name)}_FILE" for name in SECRETS}
    ours = [name for name in os.environ if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")]
    return sorted(name for name in ours if name not in known)


def child_environment(**changes: str) -> Mapping[str, str]:
    """The environment for a process of ours: this one's with some variables changed."""
    return {**os.environ, **changes}


def _variable(field: str) -> str:
    return KILL_SWITCH if field == "auto_approve_enabled" else PREFIX + field.upper()


def _not_set(field: str) -> SettingsInvalid:
    alternative = f" (or {_variable(field)}_FILE)" if field in SECRETS else ""
    return SettingsInvalid(f"{_variable(field)}{alternative} is not set")


def _problem(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    place = error["loc"][0] if error["loc"] else None
    if place is None:
        return message
    return f"{place if place == KILL_SWITCH else _variable(str(place))}: {message}"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
