"""`hitl-stream token NAME`: be one of the people of the demo, for scripts. No other installation gives out tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from hitl_stream import settings
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.review.role import DEMO_PEOPLE


def run(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(DEMO_PEOPLE)}.")],
    sidecar: Annotated[str | None, typer.Option(help="Default: this machine, at HITL_HTTP_PORT.")] = None,
) -> None:
    """Print a bearer token of one of the demo's people; it is good for an hour."""
    url = sidecar or f"http://127.0.0.1:{settings.load().http_port}"
    typer.echo(Sidecar(url.rstrip("/")).login(name))
