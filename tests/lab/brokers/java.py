# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The brokerops.messaging authors
"""How Kafka's and ZooKeeper's Java processes are started: small, quick to come up, their log on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.lab.brokers import build

_LOGGING: Final = """\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
"""

# Brokers of a lab live for minutes and do little: the first compiler tier and the serial collector start
# fastest and need the fewest threads and pages.
_OPTIONS: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xss512k",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
)


def command(
    directory: Path,
    heap: str,
    main: str,
    arguments: Sequence[str | Path],
    *options: str,
    version: str = build.KAFKA_VERSION,
) -> list[str]:
    """The command line of one Java process; ``heap`` such as "192m", ``directory`` takes its log settings,
    ``version`` is the one of Kafka whose jars it runs."""
    logging = directory / "log4j.properties"
    logging.write_text(_LOGGING)
    return [
        str(build.java()),
        f"-Xmx{heap}",
        *_OPTIONS,
        f"-Dlog4j.configuration=file:{logging}",
        *options,
        "-cp",
        ":".join(str(jar) for jar in sorted(build.kafka_jars(version).glob("*.jar"))),
        main,
        *map(str, arguments),
    ]
