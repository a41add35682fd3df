"""What the exploits of one wargame show: passed, failed or unknown, and why. Worst wins inside a result too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hitl_stream.contract import complaint, vocabulary
from hitl_stream.contract.fact import Wargame
from hitl_stream.contract.vocabulary import Status

_NAME_CHARACTERS_MAX = 80

Exploit = Mapping[str, Any]


def judge(status: str | bool, method: str, exploits: Sequence[Exploit]) -> tuple[Wargame, str, bool]:
    """The verdict, why it is not passed, and whether any exploit worked after the patch."""
    for exploit in exploits:
        if exploit["phase2_exploit_worked"]:
            return Wargame.FAILED, f"exploit {_name(exploit['exploit_id'])} still works after the patch", True
    said = vocabulary.status(status)
    if said is Status.FAILED:
        return Wargame.FAILED, "the wargame says failed", False
    if said is not Status.PASSED:
        word = "a status nobody knows" if said is Status.UNKNOWN else said.value
        return Wargame.UNKNOWN, f"the wargame says {word}", False
    if not vocabulary.proves(method):
        return Wargame.UNKNOWN, f"the method {_name(method)} proves nothing", False
    if not exploits:
        return Wargame.UNKNOWN, "it says passed, but no exploit ran", False
    return _examine(exploits)


def _examine(exploits: Sequence[Exploit]) -> tuple[Wargame, str, bool]:
    """Exploits of a wargame that says passed, none of which worked after the patch."""
    broken: Exploit | None = None
    for exploit in exploits:
        if exploit.get("error") is not None:
            broken = exploit
        elif not exploit["phase1_exploit_worked"]:
            name = _name(exploit["exploit_id"])
            return Wargame.FAILED, f"it says passed, but exploit {name} did not work before the patch", False
    if broken is not None:
        return Wargame.UNKNOWN, f"exploit {_name(broken['exploit_id'])} ended in an error", False
    return Wargame.PASSED, "", False


def _name(text: str) -> str:
    return complaint.line(text, _NAME_CHARACTERS_MAX)
