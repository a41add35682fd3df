"""Text for a spreadsheet, which takes some beginnings for a formula (CWE-1236); the text may come from anywhere."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def cell(text: str) -> str:
    """The text, with an apostrophe before what would be a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
