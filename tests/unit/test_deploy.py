"""What is in deploy/ fits the code: settings, commands, ports, metrics. No container is started here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel, SecretStr
from typer.main import get_command

from hub import metrics
from hub.cli import app
from hub.servers.kafka_jars import VERSION as KAFKA
from hub.settings import PREFIX, Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
WIDTH = 120


def settings_of(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> Iterator[tuple[str, Any]]:
    """Every setting's name in the environment, with its default."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        full = f"{prefix}{name.upper()}"
        if isinstance(default, BaseModel):
            yield from settings_of(type(default), f"{full}__")
        else:
            yield full, default


def as_text(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return default.get_secret_value() if isinstance(default, SecretStr) else str(default)


def load(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = load("compose.yaml")
    return found


def ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in compose["services"].items() if one["image"].startswith("interaction-hub")}


def test_the_example_has_every_setting_with_its_default() -> None:
    lines = (DEPLOY / "hub.env.example").read_text(encoding="utf-8").splitlines()
    written = dict(line[1:].split("=", 1) for line in lines if line.startswith(f"#{PREFIX}"))
    assert written == {name: as_text(default) for name, default in settings_of()}
    assert all(len(line) <= WIDTH for line in lines)


def test_the_example_explains_each_setting() -> None:
    lines = (DEPLOY / "hub.env.example").read_text(encoding="utf-8").splitlines()
    pairs = list(zip(["", *lines], lines, strict=False))
    bare = [line for before, line in pairs if line.startswith(f"#{PREFIX}") and not re.match(r"# [A-Za-z]", before)]
    assert not bare


def test_services_run_real_commands(compose: dict[str, Any]) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert {one["command"][0] for one in ours(compose).values()} == {"gateway", "worker", "dispatcher", "desk"}
    assert {name for name, one in ours(compose).items() if one["command"][0] in commands} == set(ours(compose))


def test_services_are_given_real_settings(compose: dict[str, Any]) -> None:
    known = {name for name, _ in settings_of()}
    for one in ours(compose).values():
        given = {name.removesuffix("_FILE") for name in one["environment"]}
        assert given <= known, sorted(given - known)
        files = {value for name, value in one["environment"].items() if name.endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in one["secrets"]}


def test_secrets_come_from_files(compose: dict[str, Any]) -> None:
    secret = {name for name, default in settings_of() if isinstance(default, SecretStr)} | {f"{PREFIX}WRITE_KEYS"}
    for one in compose["services"].values():
        assert not secret & set(one.get("environment", {}))


def test_ports_are_the_defaults(compose: dict[str, Any]) -> None:
    default = Settings.model_fields
    public = {default[name].default for name in ("gateway_port", "smtp_port", "desk_port")}
    published = {int(port.rpartition(":")[2]) for one in ours(compose).values() for port in one.get("ports", ())}
    assert published == public
    (exposed,) = re.findall(r"^EXPOSE (.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert set(map(int, exposed.split())) == public | {default["metrics_port"].default}


def test_everything_is_watched(compose: dict[str, Any]) -> None:
    port = Settings.model_fields["metrics_port"].default
    jobs = {}
    for job in load("prometheus.yml")["scrape_configs"]:
        found = [target for one in job.get("static_configs", ()) for target in one["targets"]]
        found += [f"{name}:{one['port']}" for one in job.get("dns_sd_configs", ()) for name in one["names"]]
        jobs[job["job_name"]] = found
    assert jobs == {name: [f"{name}:{port}"] for name in ours(compose)}
    for name, one in compose["services"].items():
        assert "healthcheck" in one or (name in jobs and "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text())


def test_every_volume_network_and_secret_is_declared(compose: dict[str, Any]) -> None:
    for one in compose["services"].values():
        named = [volume.partition(":")[0] for volume in one.get("volumes", ())]
        assert {name for name in named if re.fullmatch(r"[a-z]+", name)} <= set(compose["volumes"])
        assert set(one["networks"]) <= set(compose["networks"])
        assert set(one.get("secrets", ())) <= set(compose["secrets"])
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA}"


def samples() -> set[str]:
    """The names under which our metrics are scraped."""
    kinds = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_count", "_sum")}
    return {
        f"{metric._name}{suffix}"
        for metric in vars(metrics).values()
        for kind, suffixes in kinds.items()
        if isinstance(metric, kind)
        for suffix in suffixes
    }


def test_alerts_speak_of_real_metrics() -> None:
    alerts = [rule for group in load("alerts.yml")["groups"] for rule in group["rules"]]
    used = {name for alert in alerts for name in re.findall(r"\bhub_\w+", alert["expr"])}
    assert used <= samples(), sorted(used - samples())
    assert all(alert["annotations"].keys() == {"summary", "action"} for alert in alerts)
    assert len({alert["alert"] for alert in alerts}) == len(alerts)


def test_the_image_has_every_package() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    ignored = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert set(copied) == {"hub", "channels", "streams", "profile_store", "rules", "desk", "bench"}
    assert {f"!{name}" for name in copied} <= set(ignored)


def test_the_script_makes_every_secret_once(compose: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    runs = []
    for _ in range(2):
        subprocess.run(["sh", tmp_path / "secrets.sh"], check=True, timeout=30)
        runs.append({file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()})
    assert runs[0] == runs[1]
    assert {Path(one["file"]).name for one in compose["secrets"].values()} == set(runs[0])
    assert runs[0]["redis_url"] == f"redis://:{runs[0]['redis_password']}@redis:6379/0"
    assert len(runs[0]["jwt_secret"]) == 40
