"""A hub on one machine with no settings at all: its ports, its secrets, its rules, and the file for scripts."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from hub.security import ROLES, Staff, issue, new_secret
from hub.servers.ports import free_port
from hub.settings import LOCAL_FILE, Settings

SECRETS_FILE: Final = "secrets.json"
KAFKA_PORT: Final = 9092
REDIS_PORT: Final = 6379
LOCAL_SESSION: Final = 4.0
PORTS: Final = ("gateway_port", "smtp_port", "desk_port", "sandbox_port", "sandbox_smtp_port")


@dataclass(frozen=True, slots=True)
class Local:
    """Where everything of this hub is."""

    settings: Settings
    kafka_port: int | None
    controller_port: int | None
    redis_port: int | None
    metrics: dict[str, int]
    """Process → port of its metrics."""
    taken: dict[str, tuple[int, int]]
    """Ports that somebody else has: setting → (wanted, used)."""


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Write JSON that only this user can read; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")
    fresh.replace(file)


def kept_secrets(state: Path) -> dict[str, str]:
    """This hub's own secrets, made once and kept, so that tokens outlive a restart."""
    file = state / SECRETS_FILE
    try:
        known: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    fresh = {
        "write_key": secrets.token_urlsafe(24),
        "jwt": new_secret(),
        "twilio_sid": "AC" + secrets.token_hex(16),
        "twilio_token": secrets.token_hex(16),
        "meta_app": secrets.token_hex(16),
        "meta_verify": secrets.token_hex(16),
        "meta_access": secrets.token_hex(16),
    }
    both = {**fresh, **known}
    if both != known:
        write_private(file, both)
    return both


def example_rules(folder: Path) -> None:
    """Fill a new rules folder with the shop's examples; a folder that is there is the user's."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for example in files("rules").joinpath("shop").iterdir():
        if example.name.endswith(".yaml"):
            with example.open("rb") as source, (folder / example.name).open("wb") as target:
                shutil.copyfileobj(source, target)


def choose(settings: Settings) -> Local:
    """Fill in everything that is not set: free ports, own secrets, the sandbox for channels without credentials."""
    used: set[int] = set()
    taken: dict[str, tuple[int, int]] = {}

    def port(name: str, wanted: int) -> int:
        got = free_port(wanted, avoid=used)
        used.add(got)
        if got != wanted:
            taken[name] = (wanted, got)
        return got

    ports = {name: port(name, getattr(settings, name)) for name in PORTS}
    own_kafka, own_redis = not settings.kafka_bootstrap_servers, not settings.redis_url.get_secret_value()
    kafka_port = port("kafka", KAFKA_PORT) if own_kafka else None
    controller_port = port("controller", KAFKA_PORT + 1) if own_kafka else None
    redis_port = port("redis", REDIS_PORT) if own_redis else None
    names = ["gateway", "desk", "dispatcher", *(f"worker-{one}" for one in range(settings.workers))]
    metrics = {name: port(f"metrics of {name}", settings.metrics_port + number) for number, name in enumerate(names)}
    changes: dict[str, Any] = {**ports, "state": settings.state.absolute(), "sandbox": True}
    # Alone on its machine a worker that died has nobody to make room for: let the next one begin sooner.
    changes["session_timeout"] = min(settings.session_timeout, LOCAL_SESSION)
    if own_kafka:
        changes["kafka_bootstrap_servers"] = f"127.0.0.1:{kafka_port}"
    if own_redis:
        changes["redis_url"] = SecretStr(f"redis://127.0.0.1:{redis_port}/0")
    changes |= _addresses(settings, ports) | _credentials(settings, ports)
    return Local(settings.model_copy(update=changes), kafka_port, controller_port, redis_port, metrics, taken)


def _addresses(settings: Settings, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "public_url": settings.public_url or f"http://127.0.0.1:{ports['gateway_port']}",
        "desk_url": settings.desk_url or f"http://127.0.0.1:{ports['desk_port']}",
        "sandbox_url": settings.sandbox_url or f"http://127.0.0.1:{ports['sandbox_port']}",
    }


def _credentials(settings: Settings, ports: dict[str, int]) -> dict[str, Any]:
    """Own secrets where none were given; a channel without credentials is sent to the sandbox."""
    own = kept_secrets(settings.state)
    sandbox = f"http://127.0.0.1:{ports['sandbox_port']}"
    changes: dict[str, Any] = {
        "write_keys": settings.write_keys or own["write_key"],
        "jwt_secret": settings.jwt_secret if settings.jwt_secret.get_secret_value() else SecretStr(own["jwt"]),
    }
    if not settings.twilio.account_sid:
        changes["twilio"] = settings.twilio.model_copy(
            update={
                "account_sid": own["twilio_sid"],
                "auth_token": SecretStr(own["twilio_token"]),
                "from_number": settings.twilio.from_number or "+4930555010",
                "api_url": sandbox,
            }
        )
    if not settings.meta.app_secret.get_secret_value():
        changes["meta"] = settings.meta.model_copy(
            update={
                "app_secret": SecretStr(own["meta_app"]),
                "verify_token": SecretStr(own["meta_verify"]),
                "access_token": SecretStr(own["meta_access"]),
                "page_id": settings.meta.page_id or "100200300",
                "phone_number_id": settings.meta.phone_number_id or "400500600",
                "api_url": f"{sandbox}/graph",
            }
        )
    if not settings.mail.relay_host:
        changes["mail"] = settings.mail.model_copy(
            update={"relay_host": "127.0.0.1", "relay_port": ports["sandbox_smtp_port"], "relay_starttls": False}
        )
    return changes


def plain(value: Any) -> Any:
    """A setting as JSON has it, secrets in clear: for the private file and the environment of our own children."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


def environment(settings: Settings) -> dict[str, str]:
    """These settings as environment variables, for the processes of this hub."""
    found: dict[str, str] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for inner, one in value.items():
                add(f"{name}__{inner}", one)
        elif value is not None:
            found[name.upper()] = str(plain(value))

    for name, value in settings.model_dump().items():
        add(f"HUB_{name}", value)
    return found


def tokens(settings: Settings) -> dict[str, str]:
    """A bearer token for each role."""
    secret = settings.jwt_secret.get_secret_value()
    return {role: issue(Staff(role.title(), role), secret, days=365) for role in ROLES}


def write_local(local: Local) -> Path:
    """Write the file for scripts: addresses, keys and tokens."""
    settings = local.settings
    file = settings.state / LOCAL_FILE
    write_private(
        file,
        {
            "gateway": settings.public_url,
            "smtp": f"127.0.0.1:{settings.smtp_port}",
            "desk": settings.desk_url,
            "metrics": {name: f"http://127.0.0.1:{port}/metrics" for name, port in local.metrics.items()},
            "kafka": settings.kafka_bootstrap_servers,
            "redis": settings.redis_url.get_secret_value(),
            "outbox": f"{settings.desk_url}/api/v1/outbox",
            "write_key": settings.write_keys.split(",")[0],
            "tokens": tokens(settings),
            "twilio": {
                "account_sid": settings.twilio.account_sid,
                "auth_token": settings.twilio.auth_token.get_secret_value(),
                "from_number": settings.twilio.from_number,
            },
            "meta": {
                "app_secret": settings.meta.app_secret.get_secret_value(),
                "verify_token": settings.meta.verify_token.get_secret_value(),
                "page_id": settings.meta.page_id,
                "phone_number_id": settings.meta.phone_number_id,
            },
            "settings": plain(settings.model_dump()),
        },
    )
    return file
