"""Write ``kafka-jars.lock.toml`` anew: ``python -m deploy.local.lock_jars [KAFKA_VERSION]``.

Run by a maintainer who raises Kafka's version; the change in the lock is what gets reviewed.
"""

from __future__ import annotations

import sys

import jgo

from deploy.local.jars import LOCK_FILE, _sha256

KAFKA = "4.1.1"
# Kafka logs through slf4j 1.7; this is the binding its own distribution ships. It is locked by
# itself: its dependency management, applied to Kafka's tree, would pull Kafka's client down to 3.8.
LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl")


def main(kafka: str = KAFKA) -> None:
    """Resolve Kafka's run-time jars and write their coordinates, sizes and sums."""
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{kafka}")
    log4j = next(a.version for a in artifacts if a.artifactId == "log4j-core")
    binding = artifacts[0].context.project(*LOGGING).at_version(log4j).artifact()
    lines = [
        "# Apache Kafka's run-time jars. Written by `python -m deploy.local.lock_jars`.",
        f'kafka = "{kafka}"',
    ]
    for artifact in sorted([*artifacts, binding], key=lambda a: (a.groupId, a.artifactId)):
        path = artifact.resolve()
        lines += [
            "",
            "[[jar]]",
            f'group = "{artifact.groupId}"',
            f'artifact = "{artifact.artifactId}"',
            f'version = "{artifact.version}"',
            f'sha256 = "{_sha256(path)}"',
            f"size = {path.stat().st_size}",
        ]
    LOCK_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
