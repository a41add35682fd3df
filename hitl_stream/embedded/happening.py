"""What has been seen to happen to a patch, for whoever waits for it. Shared by the threads of the demo."""

from __future__ import annotations

from threading import Condition

REMEMBERED_MAX = 100_000


class Happening:
    """A bounded memory of (what, patch id)."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._seen: dict[tuple[str, str], None] = {}

    def note(self, what: str, patch_id: str) -> None:
        """It happened."""
        with self._changed:
            self._seen[what, patch_id] = None
            if len(self._seen) > REMEMBERED_MAX:
                del self._seen[next(iter(self._seen))]
            self._changed.notify_all()

    def wait(self, what: str, patch_id: str, timeout_s: float) -> bool:
        """Whether it has happened within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: (what, patch_id) in self._seen, timeout_s)
