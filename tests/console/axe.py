"""What axe-core finds wrong with a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from playwright.async_api import Page

from tests.harness.availability import missing
from tests.rules.source import ROOT

_AXE: Final = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Axe:
    """Collects over pages and states, so that a test tells them all."""

    page: Page
    found: list[str] = field(default_factory=list)
    _looks: int = 0

    async def look(self, name: str) -> None:
        """At the page as it stands; `name` says which state that is."""
        if not _AXE.is_file():
            missing("axe", "make console did not install it")
        await self.page.evaluate(_AXE.read_text())
        told: dict[str, Any] = await self.page.evaluate(
            "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", _TAGS
        )
        self._looks += 1
        self.found += [
            f"{name}: {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in told["violations"]
            for node in one["nodes"]
        ]

    def check(self, looks: int) -> None:
        """Nothing was found, and that many states were looked at."""
        assert self.found == [], "\n".join(self.found)
        assert self._looks == looks
