"""Text from outside is hostile: whatever it says is shown as text, and nothing of it is ever done."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.async_api import expect

from tests.console.conftest import Sit
from tests.console.stage import Stage
from tests.faults.upstream import corpus
from tests.harness.availability import scaled

PAYLOADS: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "</textarea><iframe srcdoc='<script>alert(1)</script>'>",
)
RIGHT_TO_LEFT: Final = "\u202e"


def everywhere(payload: str) -> dict[str, Any]:
    """A result with the payload in every text that upstream can send."""
    return {
        "patch_id": f"p {payload}",
        "apv_id": payload,
        "cve_id": payload,
        "vulnerability__summary": payload,
        "vulnerability__description": payload,
        "vulnerability__references": [payload, "javascript:alert(1)", "data:text/html,<script>alert(1)</script>"],
        "vulnerability__package": payload,
        "vulnerability__ecosystem": payload,
        "vulnerability__language": payload,
        "vulnerability__current_version": payload,
        "vulnerability__target_version": payload,
        "vulnerability__affected_systems": [payload],
        "vulnerability__cwe_ids": [payload],
        "vulnerability__cvss_vector": payload,
        "patch__author": payload,
        "patch__pr_url": "javascript:alert(1)",
        "patch__commit_sha": payload,
        "patch__flagged": True,
        "patch__flag_reason": payload,
        "patch__diff": f"--- a/{payload}\n+++ b/{payload}\n@@ -1 +1 @@ {payload}\n-{payload}\n+{payload}{payload}\n",
        "wargame__run_id": payload,
        "wargame__method": payload,
        "wargame__exploits": [
            {
                "exploit_id": payload,
                "category": payload,
                "phase1_exploit_worked": True,
                "phase2_exploit_worked": False,
                "error": payload,
                "duration_ms": 3,
            }
        ],
        "ml__model_version": payload,
        "ml__shap_values": {payload: 0.3, f"{payload} ": -0.1},
        "ml__confidence": 0.9,
    }


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_it_is_shown_and_never_done(stage: Stage, sit: Sit, payload: str) -> None:
    patch_id = await stage.review(1, **everywhere(payload))
    async with stage.client("bob") as bob:
        told = await bob.post("/hitl/patches/_/comment", params={"patch_id": patch_id}, json={"comment": payload})
        assert told.status_code == 201
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(page.get_by_role("link", name=payload)).to_be_visible()
    await page.get_by_role("link", name=payload).click()
    await alice.reads(patch_id)
    await expect(page.get_by_role("region", name="What happened")).to_contain_text(payload)
    await expect(page.locator(".diff-code-insert")).to_contain_text(f"{payload}{payload}")
    closed = page.locator("details:not([open]) > summary")
    while await closed.count() > 0:
        await closed.first.click()
    addresses = await page.locator("a[href]").evaluate_all("links => links.map(link => link.protocol)")
    assert set(addresses) == {"http:"}
    assert await page.locator("script:not([src]), iframe, img, object, embed, base, form[action]").count() == 0
    await page.goto(f"{stage.url}/audit")


@pytest.mark.parametrize("where", ["diff", "path", "summary"])
async def test_text_that_runs_backwards_is_shown_as_it_is(stage: Stage, sit: Sit, where: str) -> None:
    """Trojan Source: what is read must be what is there."""
    word = f"is_admin{RIGHT_TO_LEFT}nimda_si"
    line, name = ("x", "x") if where == "summary" else (word, "x.py") if where == "diff" else ("x", f"{word}.py")
    changes: dict[str, Any] = {"patch__diff": f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+{line}\n"}
    if where == "summary":
        changes = {"vulnerability__summary": word}
    await stage.review(1, **changes)
    alice = await sit()
    await alice.log_in("alice", "/patch?id=p-1")
    await expect(alice.page.get_by_text("is_admin⟨U+202E⟩nimda_si").first).to_be_visible()
    banner = alice.page.get_by_role("alert").filter(has_text="hidden character")
    await expect(banner).to_have_count(0 if where == "summary" else 1)
    # In the diff it stands out, once the highlighting has come.
    await expect(alice.page.locator(".diff-code .hidden").first).to_be_visible(visible=where == "diff")
    assert RIGHT_TO_LEFT not in await alice.page.locator("body").inner_text()


async def test_words_of_letters_that_look_alike_are_named(stage: Stage, sit: Sit) -> None:
    line = "is_\u0430dmin(p\u0430y, größe, имя)"
    await stage.review(1, patch__diff=f"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-is_admin()\n+{line}\n")
    alice = await sit()
    await alice.open("alice", "p-1")
    notice = alice.page.get_by_role("note").filter(has_text="letters that look like Latin ones")
    await expect(notice).to_contain_text("2 words")
    await expect(notice).to_contain_text("⟨U+0430⟩dmin, p⟨U+0430⟩y")
    await expect(notice).not_to_contain_text("имя")


async def test_what_is_no_diff_is_shown_as_text(stage: Stage, sit: Sit) -> None:
    await stage.review(1, patch__diff="--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-a\n+b\n")
    alice = await sit()
    await alice.log_in("alice", "/patch?id=p-1")
    await expect(alice.page.get_by_text("This is no diff that can be read")).to_be_visible()
    await expect(alice.page.locator("pre")).to_contain_text("@@ -1,9 +1 @@")


async def test_real_fixes_are_shown_to_their_last_file(stage: Stage, sit: Sit) -> None:
    """Every one at full scale; each is shown as a diff, with as many files as it has."""
    fixes = corpus.load(corpus.find())[:: scaled(8, 1)]
    for number, fix in enumerate(fixes):
        await stage.review(
            number,
            cve_id=fix.cve_id,
            patch__diff=fix.diff,
            vulnerability__summary=fix.summary,
        )
    alice = await sit()
    page = alice.page
    await alice.log_in("alice", "/patch?id=p-0")
    for number, fix in enumerate(fixes):
        if number > 0:
            await page.evaluate("(to) => { history.pushState(null, '', to) }", f"/patch?id=p-{number}")
        await alice.reads(f"p-{number}")
        files = sum(line.startswith("diff --git ") for line in fix.diff.splitlines())
        counted = page.get_by_text(f"{files:,} file{'' if files == 1 else 's'} ·")
        await expect(counted, f"{fix.cve_id}: {files} files").to_be_visible()
        await alice.press("j")  # to the first change, behind however many binary files
        await expect(page.locator(".diff-line").first).to_be_visible()


async def test_an_id_that_runs_backwards_is_shown_as_it_is_wherever_one_decides(stage: Stage, sit: Sit) -> None:
    wanted = f"p{RIGHT_TO_LEFT}1"
    shown = "p⟨U+202E⟩1"
    await stage.review(1, patch_id=wanted)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await page.get_by_role("checkbox", name=f"Select {shown}").check()
    await alice.row(shown).get_by_role("link").click()
    await alice.reads(shown)
    await expect(page).to_have_title(f"{shown} · hitl-stream")
    await alice.press("r")
    await expect(page.get_by_role("dialog", name=f"Reject {shown}")).to_be_visible()
    await alice.press("Escape")
    await stage.decide("bob", wanted, "reject", reason="it is odd")
    await alice.press("a")
    sending = page.get_by_label("Sending")
    await expect(sending).to_contain_text(f"Approve {shown}")
    await page.get_by_role("button", name="Send now").click()
    await expect(sending.get_by_role("alert")).to_contain_text(f"{shown} was decided by bob")
    for text in await page.locator("body").evaluate("body => [body.innerText, body.outerHTML]"):
        assert RIGHT_TO_LEFT not in text
