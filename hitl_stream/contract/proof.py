"""What the exploits of one wargame show: passed, failed or unknown, and why. Worst wins inside a result too."""

from __future__ import annotations

from hitl_stream.contract import complaint, model, vocabulary
from hitl_stream.contract.fact import Wargame
from hitl_stream.contract.vocabulary import Status

_NAME_CHARACTERS_MAX = 80


def judge(wargame: model.Wargame) -> tuple[Wargame, str, bool]:
    """The verdict, why it is not passed, and whether any exploit worked after the patch."""
    exploits = wargame.exploits
    after = next((e for e in exploits if e.phase2_exploit_worked), None)
    if after is not None:
        return Wargame.FAILED, f"exploit {_name(after.exploit_id)} still works after the patch", True
    status = vocabulary.status(wargame.status)
    if status is Status.FAILED:
        return Wargame.FAILED, "the wargame says failed", False
    if status is not Status.PASSED:
        said = "a status nobody knows" if status is Status.UNKNOWN else status.value
        return Wargame.UNKNOWN, f"the wargame says {said}", False
    if not vocabulary.proves(wargame.method):
        return Wargame.UNKNOWN, f"the method {_name(wargame.method)} proves nothing", False
    if not exploits:
        return Wargame.UNKNOWN, "it says passed, but no exploit ran", False
    broken = None
    for exploit in exploits:
        if exploit.error is not None:
            broken = exploit
        elif not exploit.phase1_exploit_worked:
            name = _name(exploit.exploit_id)
            return Wargame.FAILED, f"it says passed, but exploit {name} did not work before the patch", False
    if broken is not None:
        return Wargame.UNKNOWN, f"exploit {_name(broken.exploit_id)} ended in an error", False
    return Wargame.PASSED, "", False


def _name(text: str) -> str:
    return complaint.line(text, _NAME_CHARACTERS_MAX)
