"""Finding a real Chromium, or getting Debian's where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox",  # the tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@lru_cache(maxsize=1)
def path() -> str:
    """Where Chromium is. In CI a missing browser is a failure, elsewhere the tests are skipped and say why."""
    found = _installed() or _install()
    if found:
        return found
    message = "no Chromium: install the package `chromium` (apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def _installed() -> str | None:
    return next((place for name in NAMES if (place := shutil.which(name))), None)


def _install() -> str | None:
    """Debian's own package, through its ordinary client, where we are root."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        if subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False).returncode:
            return None
    return _installed()
