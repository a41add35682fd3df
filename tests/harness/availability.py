"""What a test run may lack. In CI (`CI=true`) nothing may be missing; elsewhere a test is skipped, by name, never silently."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

MISSING: dict[str, str] = {}


def in_ci() -> bool:
    """Whether a missing service is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def scale() -> str:
    """How large the large tests are: `ci` or `full`."""
    chosen = os.environ.get("HITL_TEST_SCALE", "ci")
    if chosen not in ("ci", "full"):
        raise pytest.UsageError(f"HITL_TEST_SCALE is {chosen!r}; it is ci or full")
    return chosen


def scaled(ci: int, full: int) -> int:
    """The size of a test on this run."""
    return full if scale() == "full" else ci


def missing(service: str, why: object) -> NoReturn:
    """This service cannot be had: fail in CI, skip elsewhere."""
    MISSING[service] = str(why)
    message = f"{service} cannot be started: {why}"
    if in_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
