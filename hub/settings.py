"""Every setting of the hub, in one frozen object: environment `HUB_…`, `hub.toml`, then a running hub's file.

A secret may be given as a file: `HUB_JWT_SECRET_FILE=/run/secrets/jwt`. `deploy/hub.env.example` documents
all of them.
"""

from __future__ import annotations

import json
import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hub.errors import Misconfigured
from hub.kinds import Policy, described

PREFIX = "HUB_"
LOCAL_FILE = "local.json"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Twilio(_Group):
    """SMS and voice through Twilio, or through anything that speaks its API."""

    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    from_number: str = ""
    api_url: str = "https://api.twilio.com"
    menu_field: str = "account_number"
    """The fact that the digits typed into the phone menu become."""
    menu_prompt: str = "Welcome. Please type your account number, followed by the hash key."
    menu_goodbye: str = "Thank you. We connect you now."


class Meta(_Group):
    """Messenger, Instagram and WhatsApp through Meta's Graph API."""

    app_secret: SecretStr = SecretStr("")
    verify_token: SecretStr = SecretStr("")
    access_token: SecretStr = SecretStr("")
    page_id: str = ""
    phone_number_id: str = ""
    api_url: str = "https://graph.facebook.com/v23.0"


class Mail(_Group):
    """Mail in over SMTP and out through a relay."""

    relay_host: str = ""
    relay_port: int = 587
    relay_user: str = ""
    relay_password: SecretStr = SecretStr("")
    relay_starttls: bool = True
    from_address: str = "Interaction Hub <hello@localhost.localdomain>"
    domains: str = ""
    """Domains mail is accepted for, separated by commas; empty accepts all (a local hub)."""
    max_bytes: int = Field(default=25_000_000, gt=0)


class Settings(BaseSettings):
    """How this installation runs. Every field has a default: with none set, the hub is a local one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", toml_file="hub.toml", frozen=True, extra="ignore"
    )

    state: Path = Path(".hub")
    kafka_bootstrap_servers: str = ""
    """Empty: `hub up` brings its own broker."""
    redis_url: SecretStr = SecretStr("")
    """Empty: `hub up` brings its own Redis. `redis://`, `rediss://`; a cluster: `redis+cluster://host:port,host:port`."""
    topic_prefix: str = "hub."
    partitions: int = Field(default=12, gt=0, le=10_000)
    replication: int = Field(default=1, gt=0, le=10)
    tenant: str = "default"
    region: str = "DE"
    """Two-letter country of telephone numbers written without a prefix."""

    identity: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What differs from the table in hub/kinds.py, by type of identity."""

    scores: dict[str, str] = Field(default_factory=dict)
    """Models of scores that replace the hub's own or are added, `module:function` by name; empty: no such score."""

    host: str = "127.0.0.1"
    """Where the public ports listen; 0.0.0.0 in a container."""
    gateway_port: int = 8080
    smtp_port: int = 8025
    desk_port: int = 8081
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9100
    sandbox_port: int = 8082
    sandbox_smtp_port: int = 8026
    public_url: str = ""
    """The gateway's address as the world sees it: providers sign it, links in messages start with it."""
    desk_url: str = ""

    write_keys: str = ""
    """Keys of the tracking API, separated by commas."""
    write_keys_of_servers: str = ""
    """Keys that only servers of yours hold: what they say of mail addresses and telephones counts as proven."""
    jwt_secret: SecretStr = SecretStr("")
    twilio: Twilio = Twilio()
    meta: Meta = Meta()
    mail: Mail = Mail()
    sandbox: bool = False
    """Senders without credentials use the embedded sandbox; `hub up` turns it on."""
    sandbox_url: str = ""

    workers: int = Field(default=1, gt=0, le=256)
    group: str = "hub-worker"
    runner: Literal["faust", "plain"] = "faust"
    """What keeps the worker's group membership: Faust, or aiokafka alone."""
    fetch: int = Field(default=2000, gt=0, le=10_000)
    """Events a worker takes at once, at most."""
    profiles_feed: bool = True
    """Whether the newest profile of each customer that changed is published on the topic `profiles`."""
    session_timeout: float = Field(default=10.0, gt=0)
    """Seconds after which the broker gives a silent worker's partitions to another."""
    poll_interval: float = Field(default=300.0, gt=0)
    """Seconds a worker may spend on one batch, waiting for Redis included, before it leaves its partitions."""
    rules: Path | None = None
    """Folder of rule files; a local hub uses `<state>/rules`, filled with examples at first."""
    traits: Path | None = None
    """Folder of typed and computed traits; `<state>/traits` by default."""
    segments: Path | None = None
    """Folder of segments; `<state>/segments` by default."""
    spool: Path | None = None
    """Folder of the gateway's spool; `<state>/spool` by default."""
    spool_bytes: int = Field(default=1_000_000_000, gt=0)
    """Bytes the spool may hold; when it is full, senders are told to come again."""
    language: str = "en"
    timezone: str = "UTC"
    timer_poll: float = Field(default=0.25, gt=0)
    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Strongest first: arguments, environment, secret files, hub.toml, a running local hub."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, _SecretFiles(settings_cls), toml, _RunningHub(settings_cls)

    @field_validator("identity")
    @classmethod
    def _kinds(cls, changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        described(changes)
        return changes

    @cached_property
    def policy(self) -> Policy:
        """What holds for each type of identity."""
        return Policy(described(self.identity))

    @property
    def rules_dir(self) -> Path:
        """The folder rules are read from."""
        return self.rules or self.state / "rules"

    @property
    def traits_dir(self) -> Path:
        """The folder traits are read from."""
        return self.traits or self.state / "traits"

    @property
    def segments_dir(self) -> Path:
        """The folder segments are read from."""
        return self.segments or self.state / "segments"

    @property
    def spool_dir(self) -> Path:
        """The folder of the gateway's spool."""
        return self.spool or self.state / "spool"

    @property
    def keys(self) -> frozenset[str]:
        """The tracking API's write keys."""
        return _listed(self.write_keys)

    @property
    def server_keys(self) -> frozenset[str]:
        """Those that only servers of yours hold."""
        return _listed(self.write_keys_of_servers)


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


class Installation(Settings):
    """The settings without those of a hub that runs here: what `hub up` itself starts from."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """All sources but the last."""
        return super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )[:-1]


class _SecretFiles(PydanticBaseSettingsSource):
    """`HUB_<NAME>_FILE`: the setting is the content of that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, path in os.environ.items():
            if not name.startswith(PREFIX) or not name.endswith("_FILE"):
                continue
            try:
                content = Path(path).read_text().strip()
            except OSError as error:
                raise Misconfigured(
                    f"{name}: cannot read {path}: {error.strerror}", "Check path and rights."
                ) from error
            place = found
            *groups, last = name[len(PREFIX) : -len("_FILE")].lower().split("__")
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = content
        return found


class _RunningHub(PydanticBaseSettingsSource):
    """What `hub up` wrote for scripts, so that a command in another window finds the running hub."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        state = Path(self.current_state.get("state") or ".hub")
        try:
            settings: dict[str, Any] = json.loads((state / LOCAL_FILE).read_text())["settings"]
        except (OSError, ValueError, KeyError):
            return {}
        return settings


def read(kind: type[Settings] = Settings, **overrides: Any) -> Settings:
    """The settings as they stand now. Raises Misconfigured with the name that is wrong."""
    try:
        return kind(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        raise Misconfigured(f"{name}: {first['msg']}", "See deploy/hub.env.example.") from None


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    return read()
