"""Fetching Kafka's jars: mirrors, broken downloads, broken caches, no network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub.errors import Misconfigured
from hub.servers import checks, jars, kafka_jars
from hub.servers.jars import Jar, fetch, parse_jars
from hub.servers.ports import LOCALHOST, free_port

CONTENT = {"one": b"the first jar", "two": b"the second jar"}
JARS = [Jar("org.example", name, "1.0", len(body), hashlib.sha256(body).hexdigest()) for name, body in CONTENT.items()]


class Repository:
    """A Maven repository of our own, set as this machine's mirror, that remembers what it was asked."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://{LOCALHOST}:{port}"
        self.asked: list[str] = []

    def publish(self, name: str, body: bytes) -> None:
        """Put a jar there."""
        place = self.folder / "org" / "example" / name / "1.0"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}-1.0.jar").write_bytes(body)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with nothing of Maven's."""
    for name in ("M2_REPO", "JGO_CONFIG_FILE", "XDG_CONFIG_HOME", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(jars, "PAUSE", 0)
    return tmp_path


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """A mirror that has both jars."""
    mine = Repository(home / "repository", free_port())

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            mine.asked.append(self.path)

    address = (LOCALHOST, int(mine.url.rpartition(":")[2]))
    for name, body in CONTENT.items():
        mine.publish(name, body)
    (home / ".m2").mkdir()
    (home / ".m2" / "settings.xml").write_text(
        f"""<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>
        <mirror><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror>
        <mirror><mirrorOf>central</mirrorOf><url>{mine.url}/</url></mirror></mirrors></settings>"""
    )
    with ThreadingHTTPServer(address, partial(Handler, directory=str(mine.folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield mine
        server.shutdown()
        thread.join()


def test_fetches_from_the_mirror_with_progress_and_only_once(tmp_path: Path, repository: Repository) -> None:
    shown: list[tuple[int, int]] = []
    fetch(JARS, tmp_path / "cache", lambda _what, done, total: shown.append((done, total)))
    assert shown == [(13, 27), (27, 27)]
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == ["one-1.0.jar", "two-1.0.jar"]
    asked = len(repository.asked)
    fetch(JARS, tmp_path / "cache")
    assert len(repository.asked) == asked


def test_half_a_jar_is_fetched_again_and_the_others_are_not(tmp_path: Path, repository: Repository) -> None:
    fetch(JARS, tmp_path / "cache")
    (tmp_path / "cache" / "one-1.0.jar").write_bytes(b"the fir")
    repository.asked.clear()
    fetch(JARS, tmp_path / "cache")
    assert (tmp_path / "cache" / "one-1.0.jar").read_bytes() == CONTENT["one"]
    assert not any("two" in path for path in repository.asked)


def test_a_jar_with_another_content_is_refused(tmp_path: Path, repository: Repository) -> None:
    repository.publish("two", b"something else")
    with pytest.raises(Misconfigured, match=r"cannot fetch org.example:two:1.0: its checksum is wrong") as caught:
        fetch(JARS, tmp_path / "cache")
    assert "HTTPS_PROXY" in caught.value.advice
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["one-1.0.jar"]


def test_what_maven_has_here_needs_no_network_unless_it_is_broken(tmp_path: Path, repository: Repository) -> None:
    local = Repository(tmp_path / ".m2" / "repository", 1)
    local.publish("one", CONTENT["one"])
    local.publish("two", b"half")
    fetch(JARS, tmp_path / "cache")
    assert all(jar.intact(tmp_path / "cache" / jar.filename) for jar in JARS)
    assert {path.split("/")[3] for path in repository.asked} == {"two"}


@pytest.mark.usefixtures("repository")
def test_the_settings_of_jgo_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "jgo.conf"
    config.write_text(f"[repositories]\ncentral = http://{LOCALHOST}:{free_port()}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    with pytest.raises(Misconfigured, match="cannot fetch"):
        fetch(JARS, tmp_path / "cache")


def test_the_list_is_whole() -> None:
    listed = parse_jars(kafka_jars.JARS)
    assert len({jar.filename for jar in listed}) == len(listed) > 40
    assert {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in listed} >= set(kafka_jars.ROOTS)
    assert "://" not in kafka_jars.JARS


def test_the_doctor_sees_broken_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "parse_jars", lambda _table: JARS)
    folder = tmp_path / f"kafka-{kafka_jars.VERSION}"
    assert checks.check_jars(tmp_path) == (
        True,
        f"Kafka {kafka_jars.VERSION} is not fetched yet; the next `hub up` does it",
        "",
    )
    folder.mkdir()
    for name, body in CONTENT.items():
        (folder / f"{name}-1.0.jar").write_bytes(body)
    assert checks.check_jars(tmp_path).ok
    (folder / "one-1.0.jar").write_bytes(b"THE first jar")
    ok, what, advice = checks.check_jars(tmp_path)
    assert not ok
    assert "one-1.0.jar" in what
    assert str(folder) in advice
