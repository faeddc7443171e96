"""The page's own time for a long answer, in Chromium: `python -m bench.page`. Nothing is asserted.

An upstream sends the answer as fast as it is read. What is measured is the time of the page's main thread
(script, style, layout and painting, by Chromium's counters) for each KB of the answer, and its longest task.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import open_browser
from tests.conftest import ROOT, choose_demo, choose_upstream, make_app
from tests.page import build_page
from tests.patience import PATIENCE_S
from tests.replies import Reply
from tests.serving import serving
from tests.upstream import Upstream
from tests.web.showcase import ANSWER

SIZES_KB = (100, 1_000)
CHUNK_CHARS = 24  # a few tokens, as providers send them
WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask" });
}"""


def measure(browser: Browser, url: str, upstream: Upstream, size_kb: int) -> str:
    """Stream one answer; return its line of the table."""
    text = ANSWER * (size_kb * 1_000 // len(ANSWER) + 1)
    chunks = [text[at : at + CHUNK_CHARS] for at in range(0, size_kb * 1_000, CHUNK_CHARS)]
    upstream.script([Reply(text=ANSWER), Reply(text=chunks)])
    page = browser.new_page()
    page.goto(f"{url}/#/llm")
    field = page.get_by_role("textbox", name="Message")
    field.fill("what there is to load")
    field.press("Enter")
    expect(page.locator(".turn-foot")).to_have_count(1)
    expect(page.locator(".hljs-keyword").first).to_be_visible()
    page.evaluate(WATCH)
    counters = page.context.new_cdp_session(page)
    counters.send("Performance.enable")

    def busy_s() -> float:
        return next(
            float(each["value"])
            for each in counters.send("Performance.getMetrics")["metrics"]
            if each["name"] == "TaskDuration"
        )

    before_s = busy_s()
    field.fill("the answer that is measured")
    field.press("Enter")
    page.wait_for_function(
        "() => document.querySelectorAll('.turn-foot').length === 2", timeout=PATIENCE_S * 1000
    )
    spent_ms, longest_ms = (busy_s() - before_s) * 1000, page.evaluate("window.longest")
    page.close()
    return f"{size_kb:>8} {spent_ms / size_kb:>10.2f} {longest_ms:>12.0f}"


def main() -> None:
    build_page()
    with (
        tempfile.TemporaryDirectory() as folder,
        Upstream() as upstream,
        pytest.MonkeyPatch.context() as patch,
    ):
        choose_demo(patch)
        choose_upstream(patch, upstream)
        app = make_app(config=ROOT / "langgraph.json", data=Path(folder))
        with serving(app) as served, open_browser() as browser:
            expect.set_options(timeout=PATIENCE_S * 1000)
            print(f"{'KB':>8} {'ms a KB':>10} {'longest, ms':>12}")
            for size_kb in SIZES_KB:
                print(measure(browser, served.url, upstream, size_kb), flush=True)


if __name__ == "__main__":
    main()
