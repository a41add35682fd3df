"""What the figures were measured on: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from tests.harness import kafka, postgres

PACKAGES = (
    "hitl-stream",
    "faust-streaming",
    "aiokafka",
    "asyncpg",
    "faststream",
    "sentry-arroyo",
    "confluent-kafka",
    "pydantic",
)


def describe() -> list[str]:
    """One fact a line."""
    load = os.getloadavg()
    return [
        f"{_processor()}, {psutil.cpu_count()} CPUs, {psutil.virtual_memory().total / 1e9:.0f} GB, {platform.platform()}",
        f"Python {sys.version.split()[0]}, PostgreSQL {postgres.VERSION} with fsync on, Apache Kafka {kafka.VERSION}, "
        "both on this machine",
        ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        f"load before the first run: {load[0]:.1f} (1 min), {load[1]:.1f} (5 min)",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
