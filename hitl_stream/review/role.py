"""Roles that groups of the identity provider can have, and the people of the demo, who are nobody anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a group may do; the last two are for service accounts."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    POLICY_ADMIN = "policy-admin"
    AUDITOR = "auditor"
    BREAK_GLASS = "break-glass"
    GATE = "gate"
    SMOKE = "smoke"


DEMO_PEOPLE: Final[Mapping[str, tuple[Role, ...]]] = {
    "alice": (Role.REVIEWER,),
    "bob": (Role.REVIEWER,),
    "carol": (Role.REVIEWER, Role.BREAK_GLASS),
    "victor": (Role.VIEWER,),
    "paula": (Role.POLICY_ADMIN,),
    "otto": (Role.AUDITOR,),
    "eureka-gate": (Role.GATE,),
    "smoke": (Role.SMOKE,),
}


def demo_group(role: Role) -> str:
    """The group whose members have this role in the demo."""
    return f"demo-{role}"
