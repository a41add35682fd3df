"""What somebody may be called where people read it. A name decides nothing, and must not look as if it were another's."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from hitl_stream.review.role import Role

LENGTH_MAX: Final = 200

# Letters, digits and what user names have between them; no brackets and commas, by which one name looks like several or like
# one with an id behind it.
_NAME: Final = re.compile(r"\w(?:[\w.@+'’ -]*[\w.])?")
_BLANKS: Final = "\u115f\u1160\u3164\uffa0"  # letters that nobody sees
_RESERVED: Final = frozenset(("policy", "you", "me", "nobody", "machine", *Role))
_ID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
# What is read as something else in many a font.
_ALIKE: Final = str.maketrans({"i": "l", "1": "l", "|": "l", "0": "o"})


def read(said: Any) -> str | None:
    """The name that a token gives; None for what is none, hides something, or passes for another or for several."""
    if type(said) is not str or not 0 < len(said) <= LENGTH_MAX or said != unicodedata.normalize("NFKC", said):
        return None
    is_plain = _NAME.fullmatch(said) and "  " not in said and not any(blank in said for blank in _BLANKS)
    return said if is_plain and said.casefold() not in _RESERVED and not _ID.fullmatch(said) else None


def key(name: str) -> str:
    """The same for names that look alike: letters of either case, and l, I and 1."""
    return name.casefold().translate(_ALIKE)
