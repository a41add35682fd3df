"""The worker without some of what it does beside deciding and publishing, to say what that costs.

    BENCHMARK_WITHOUT=audit,metrics python -m benchmarks.pipeline.layer worker --processes 1

Without `audit` no row of `decision` and `action` is made or written, without `metrics` nothing is counted. Nobody runs it so:
the product has no switch for either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from hitl_stream import cli
from hitl_stream.store import writing

VARIABLE: Final = "BENCHMARK_WITHOUT"
AUDIT: Final = ("decision", "action")


def main() -> None:
    """Leave out what the environment says, then be the product."""
    leave_out: dict[str, Callable[[], None]] = {"audit": _no_audit, "metrics": _no_metrics}
    for name in filter(None, os.environ.get(VARIABLE, "").split(",")):
        leave_out[name]()
    cli.main()


def _no_audit() -> None:
    for name in ("_write_little", "_write_much"):
        setattr(writing, name, _without_rows(getattr(writing, name)))
    for table in AUDIT:
        setattr(writing, f"_{table}_row", lambda _: ())


def _without_rows(write: Callable[..., Any]) -> Callable[..., Any]:
    def written(conn: Any, tables: Mapping[str, Sequence[Any]]) -> Any:
        return write(conn, {**tables, **{table: [] for table in AUDIT}})

    return written


def _no_metrics() -> None:
    def nothing(*_: object, **__: object) -> None:
        """Not counted."""

    for kind in (Counter, Gauge, Histogram):
        for name in ("inc", "dec", "set", "observe", "remove"):
            if hasattr(kind, name):
                setattr(kind, name, nothing)
        kind.labels = lambda self, *_, **__: self  # type: ignore[method-assign]  # the library's own, in this process only


if __name__ == "__main__":
    main()
