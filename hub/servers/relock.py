"""Make the list of jars for another Kafka: set VERSION in kafka_jars.py, then `python -m hub.servers.relock`."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from jgo.maven import MavenContext
from jgo.parse import Endpoint

from hub.servers import kafka_jars


def table(roots: tuple[str, ...], scratch: Path) -> str:
    """Every jar these need to run, with size and SHA-256, a line each."""
    context = MavenContext(repo_cache=scratch)
    asked = [replace(coordinate, scope="compile") for root in roots for coordinate in Endpoint.parse(root).coordinates]
    inputs, needed = context.resolver.resolve([context.create_dependency(coordinate) for coordinate in asked])
    lines = set()
    for dependency in [*inputs, *(one for one in needed if one.scope in {"compile", "runtime"})]:
        content = dependency.artifact.resolve().read_bytes()
        name = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
        lines.add(f"{name} {len(content)} {hashlib.sha256(content).hexdigest()}")
    return "\n".join(sorted(lines))


def main() -> None:
    """Write the list anew; look at the difference before committing it."""
    file = Path(kafka_jars.__file__)
    with tempfile.TemporaryDirectory() as scratch:
        rows = table(kafka_jars.ROOTS, Path(scratch))
    file.write_text(re.sub(r'JARS = """\n.*?"""', f'JARS = """\n{rows}\n"""', file.read_text(), flags=re.DOTALL))
    sys.stdout.write(f"{file}: {rows.count(chr(10)) + 1} jars\n")


if __name__ == "__main__":
    main()
