"""Texts that mean to do harm, or to be taken for another: valid Unicode without U+0000, so that each can be kept as it is."""

from __future__ import annotations

from typing import Final

TEXTS: Final = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "javascript:alert(document.cookie)//",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u061c",
    "in\u200bvis\u200cib\u200dle\ufeff\u2060 \u00ad\U000e0041\U000e007f",
    "".join(map(chr, range(1, 32))) + "x",
    "\x7f" + "".join(map(chr, range(0x80, 0xA0))) + "x",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "line\rfeed\r\nSet-Cookie: a=b\r\n\r\n<html>\u2028next\u2029\x85",
    '"}\n{"at":"2026-11-26T00:00:00Z","level":"critical","event":"glass_broken"}',
    '{"reason": "json", "$ref": "#/a", "__proto__": {"admin": true}}',
    "'; DROP TABLE decision; --\\'; $1 $$ /* */ \\x00",
    "%s %n %(levelname)s {0.__class__.__mro__} {request!r} $HOME `id`",
    "{{7*7}} ${7*7} <%= 7*7 %> #{7*7} {% include '/etc/passwd' %}",
    "\\u0000 \\ud800 \\x00 &#0; %00 %ED%A0%80",
    "../../etc/passwd ..\\..\\boot.ini C:\\",
    "a/b%2Fc\\d?e=f&g#h;i=j %% %zz +",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "\u00e9 caf\u00e9",  # the same to the eye as the next
    "e\u0301 cafe\u0301",
    "\u212b \u00c5 A\u030a \ufb01 \u2460 ﷺ",
    "\uffff \ufffe \U0010ffff \ue000 noncharacters",
    "Z\u0351\u036b\u0343\u036a" * 40,
    "💥" * 255,
    "null",
    "ß ſ İ ı ǆ",  # change their length with their case
)
# Written as a client would: what no text can hold, or no JSON.
NO_TEXTS: Final = (
    rb'"\u0000"',
    rb'"a\u0000b"',
    rb'"\ud800"',
    rb'"\udfff\ud800 the wrong way round"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"raw\ncontrol"',
    b'"\\x41"',
    b'"' + b"x" * 10_001 + b'"',
    b"7",
    b"true",
    b"[]",
    b"{}",
    b'["a"]',
    b"NaN",
    b"1e999",
    b"[" * 2_000,
)
# In a URL, as bytes that are not UTF-8 or hold U+0000.
NO_VALUES: Final = ("%00", "a%00b", "%FF", "%ED%A0%80", "%C0%80", "%F4%90%80%80")
