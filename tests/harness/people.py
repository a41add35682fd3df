"""People for tests: in every migrated database the groups of the demo have their roles, and `reviewers` are reviewers."""

from __future__ import annotations

from datetime import UTC, datetime

from hitl_stream.review.role import Role, demo_group
from hitl_stream.store.command import Actor

GROUP = "reviewers"
_GRANTS = [(GROUP, Role.REVIEWER), *((demo_group(role), role) for role in Role)]
GRANT = f"""INSERT INTO access_group_role (group_name, role, granted_by)
            VALUES {", ".join(f"('{group}', '{role}', 'tests')" for group, role in _GRANTS)}"""


def reviewer(name: str) -> Actor:
    """A person who may review and has just logged in."""
    return Actor(name, (GROUP,), authenticated_at=datetime.now(UTC))
