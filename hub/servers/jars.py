"""Fetch Kafka's jars once, in the way Maven would, and trust only what has the right checksum."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import requests
from jgo.config import GlobalSettings
from jgo.maven import MavenContext

from hub.errors import Misconfigured

DOWNLOADS_AT_ONCE = 6
ATTEMPTS = 3
PAUSE = 0.5
TIMEOUT = 30

Progress = Callable[[str, int, int], None]
"""What is going on, how much is done, how much there is (bytes, or 0 when unknown)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar as it must be: where Maven finds it, how long it is, its SHA-256."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in our folder; Maven's own, so that people recognise it."""
        return f"{self.artifact}-{self.version}.jar"

    def complete(self, folder: Path) -> bool:
        """True when the folder has it in full; cheap, for every start."""
        path = folder / self.filename
        return path.is_file() and path.stat().st_size == self.size

    def intact(self, path: Path) -> bool:
        """True when this file is byte for byte what we want."""
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def parse_jars(table: str) -> list[Jar]:
    """Read lines of `group:artifact:version size sha256`."""
    jars = []
    for line in table.split("\n"):
        if line.strip():
            name, size, sha256 = line.split()
            group, artifact, version = name.split(":")
            jars.append(Jar(group, artifact, version, int(size), sha256))
    return jars


def fetch(jars: Sequence[Jar], folder: Path, progress: Progress = silent) -> None:
    """Bring every missing or broken jar into the folder; what is there stays, also after a broken fetch."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not jar.complete(folder)]
    total = sum(jar.size for jar in missing)
    done = 0
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        waiting = pool.map(lambda jar: _fetch_one(jar, folder, Path(scratch)), missing)
        for jar, _ in zip(missing, waiting, strict=True):
            done += jar.size
            progress("fetching Apache Kafka", done, total)


def _fetch_one(jar: Jar, folder: Path, scratch: Path) -> None:
    settings = GlobalSettings.load()
    trouble = "its checksum is wrong"
    for attempt in range(ATTEMPTS):
        # A jar that Maven already has here costs no download; one that is broken there is fetched anew.
        local = [settings.repo_cache] if attempt == 0 else []
        place = scratch / f"{jar.artifact}-{attempt}"
        context = MavenContext(
            repo_cache=place, local_repos=local, remote_repos=_repositories(settings), timeout=TIMEOUT
        )
        try:
            found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
            if jar.intact(found):
                shutil.copyfile(found, place.with_suffix(".jar"))
                place.with_suffix(".jar").replace(folder / jar.filename)
                return
        except (requests.RequestException, RuntimeError, OSError) as error:
            trouble = str(error)
            time.sleep(PAUSE * 2**attempt)
    raise Misconfigured(
        f"cannot fetch {jar.group}:{jar.artifact}:{jar.version}: {trouble}",
        "Check the network. A proxy is taken from HTTPS_PROXY, a mirror from ~/.m2/settings.xml or from "
        "[repositories] in ~/.config/jgo.conf. Or use a Kafka of your own: HUB_KAFKA_BOOTSTRAP_SERVERS.",
    )


def _repositories(settings: GlobalSettings) -> dict[str, str]:
    """Where to look: jgo's default, or what this machine's owner put in its place."""
    repositories = MavenContext().remote_repos
    mirror = _mirror(Path.home() / ".m2" / "settings.xml")
    if mirror:
        repositories["central"] = mirror
    return {**repositories, **settings.repositories}


def _mirror(settings_xml: Path) -> str | None:
    """The mirror of Maven's central repository in a settings.xml."""
    try:
        root = ElementTree.parse(settings_xml).getroot()  # noqa: S314 - the user's own file
    except (OSError, ElementTree.ParseError):
        return None
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        covers = {part.strip() for part in (mirror.findtext("{*}mirrorOf") or "").split(",")}
        if covers & {"central", "*", "external:*"} and mirror.findtext("{*}blocked") != "true":
            return os.path.expandvars((mirror.findtext("{*}url") or "").replace("${env.", "${")).rstrip("/") or None
    return None
