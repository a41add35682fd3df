"""Pictures of every page and state for docs/console, made when `--pictures FOLDER` names where they go; else only looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.console.conftest import Sit
from tests.console.stage import Stage

SHAP = {
    "lines_added": 0.11,
    "lines_removed": -0.03,
    "complexity_delta": -0.08,
    "has_input_validation": 0.21,
    "has_parameterization": 0.27,
    "cwe_CWE-89": -0.05,
    "files_modified": 0.01,
}
DIFF = """diff --git a/app/search.py b/app/search.py
index 3f1c2aa..9b0d7e1 100644
--- a/app/search.py
+++ b/app/search.py
@@ -12,9 +12,12 @@ def search(request):
     term = request.query.get("q", "")
     if not term:
         return []
-    rows = db.execute("SELECT * FROM product WHERE name LIKE '%" + term + "%'")
+    rows = db.execute(
+        "SELECT * FROM product WHERE name LIKE :pattern",
+        {"pattern": f"%{escape_like(term)}%"},
+    )
     return [row.name for row in rows]


 def popular(limit=10):
-    return db.execute(f"SELECT name FROM product ORDER BY sold LIMIT {limit}")
+    return db.execute("SELECT name FROM product ORDER BY sold LIMIT :limit", {"limit": int(limit)})
diff --git a/tests/test_search.py b/tests/test_search.py
new file mode 100644
--- /dev/null
+++ b/tests/test_search.py
@@ -0,0 +1,3 @@
+def test_a_quote_is_a_quote():
+    assert search(Request(q="' OR 1=1 --")) == []
+
"""
VULNERABLE: dict[str, Any] = {
    "vulnerability__summary": "SQL injection in the product search",
    "vulnerability__description": "The search term is put into the statement as it comes. Whoever searches reads every table.",
    "vulnerability__cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "vulnerability__package": "shop",
    "vulnerability__ecosystem": "PyPI",
    "vulnerability__language": "python",
    "vulnerability__current_version": "2.4.1",
    "vulnerability__target_version": "2.4.2",
    "vulnerability__affected_systems": ["shop-frontend", "shop-admin"],
    "vulnerability__references": ["https://nvd.nist.gov/vuln/detail/CVE-2026-10001"],
    "patch__diff": DIFF,
    "ml__shap_values": SHAP,
    "ml__shap_base_value": 0.47,
}


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where they go."""
    chosen: Path | None = request.config.getoption("--pictures")
    folder = chosen or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_and_state_has_its_picture(stage: Stage, sit: Sit, pictures: Path, scheme: str) -> None:
    names = ["login-library", "kettle", "orbit", "marble", "sundial", "thistle", "walnut", "zephyr"]
    severities = ["high", "medium", "low", "critical", "high", "medium", "low", "high"]
    for number, (name, severity) in enumerate(zip(names, severities, strict=True), start=1):
        changes = {**VULNERABLE, "vulnerability__package": name, "vulnerability__severity": severity}
        changes |= {"patch__diff": DIFF.replace("product", name), "ml__confidence": round(0.78 + number / 50, 2)}
        await stage.review(number, cve_id=f"CVE-2026-{10_000 + number}", **changes)
    for number in range(20, 32):
        approved = {"ml__confidence": 0.97, "vulnerability__severity": "medium"}
        await stage.review(number, patch__diff=f"{DIFF}\n{number}", **approved)
    await stage.decide("bob", "p-4", "approve", comment="the escape is right, the test proves it")
    await stage.decide(
        "bob", "p-7", "reject", reason="breaks the admin's wildcard search", presets=["breaks_functionality"]
    )
    async with stage.client("bob") as bob:
        await bob.post("/hitl/patches/_/claim", params={"patch_id": "p-5"})
        await bob.post(
            "/hitl/patches/_/comment", params={"patch_id": "p-1"}, json={"comment": "I asked the shop team."}
        )
    reader = await sit(scheme=scheme)
    page = reader.page
    taken: list[Path] = []

    async def take(name: str, *, whole: bool = False) -> None:
        path = pictures / f"{name}-{scheme}.png"
        await page.screenshot(path=path, full_page=whole, animations="disabled")
        taken.append(path)

    await page.goto(stage.url)
    await expect(page.get_by_role("button", name="Continue as alice")).to_be_visible()
    await take("login")
    await reader.log_in("alice")
    await expect(reader.row("p-1")).to_be_visible()
    await take("turn")
    await reader.press("j", "x", "j", "j", "Shift+X")
    await page.get_by_role("button", name="Decide together").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("the generator took the wrong branch")
    await page.get_by_role("button", name="See what would happen").click()
    await expect(page.get_by_text("Would be rejected").first).to_be_visible()
    await take("batch")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("Shift+?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await take("keys")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("link", name="p-1", exact=False).first.click()
    await expect(page.locator(".diff-line").first).to_be_visible()
    await take("card", whole=True)
    await reader.press("r")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await take("reject")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("a")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_visible()
    await take("not-sent-yet")
    await reader.press("u", "g", "n")
    await expect(page.get_by_role("region", name="Reviewer load")).to_be_visible()
    await take("numbers", whole=True)
    await reader.press("g", "h")
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await take("audit")
    await page.set_viewport_size({"width": 375, "height": 812})
    await reader.press("g", "t")
    await expect(reader.row("p-1")).to_be_visible()
    await take("turn-narrow")
    await reader.row("p-1").get_by_role("link").click()
    await expect(page.locator(".diff-line").first).to_be_visible()
    await take("card-narrow")
    assert all(path.stat().st_size > 5_000 for path in taken)
    assert len(taken) == 11
