"""Lines between programs that can be slow, dead or cut: Shopify's Toxiproxy 2.5.0, built by Go at first use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from hitl_stream.errors import Fatal

VERSION: Final = "2.5.0"
MODULE: Final = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{VERSION}"
START_TIMEOUT_S = 10.0


class Toxiproxy:
    """The process with all lines. A line is a port of loopback that leads to another one."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="hitl-toxiproxy-"))
        port = free_port()
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=5.0, trust_env=False)
        command = [str(binary()), "-port", str(port)]
        self._child = Child(command, log=self._folder / "toxiproxy.log", remove=self._folder)
        self._child.wait_until(self._answers, START_TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._child.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def lay(self, name: str, upstream_port: int) -> int:
        """A line to that port of loopback; returns the port where it begins."""
        port = free_port()
        line = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream_port}", "enabled": True}
        self._client.post("/proxies", json=line).raise_for_status()
        return port

    @contextmanager
    def poisoned(self, name: str, *toxics: Mapping[str, Any]) -> Iterator[None]:
        """A line with these toxics (https://github.com/Shopify/toxiproxy#toxics) for as long as the block lasts."""
        path = f"/proxies/{name}/toxics"
        added: list[str] = []
        try:
            for toxic in toxics:
                added.append(self._client.post(path, json=toxic).raise_for_status().json()["name"])
            yield
        finally:
            for added_name in added:
                self._client.delete(f"{path}/{added_name}").raise_for_status()

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """A line on which nobody answers, and from which everybody is thrown."""
        self._client.post(f"/proxies/{name}", json={"enabled": False}).raise_for_status()
        try:
            yield
        finally:
            self._client.post(f"/proxies/{name}", json={"enabled": True}).raise_for_status()

    def _answers(self) -> bool:
        try:
            return self._client.get("/version").status_code == 200
        except httpx2.HTTPError:
            return False


def binary() -> Path:
    """The server, built if it is not there yet. Raises Fatal."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hitl-stream" / f"toxiproxy-{VERSION}"
    built = cache / "server"
    if built.exists():
        return built
    if shutil.which("go") is None:
        raise Fatal("go is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["go", "install", MODULE], env={**os.environ, "GOBIN": str(cache)}, capture_output=True, text=True, check=False
    )
    if done.returncode or not built.exists():
        raise Fatal(f"Toxiproxy cannot be built: {done.stderr[-2000:]}")
    return built
