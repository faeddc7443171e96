"""Reading a conversation: long ones, in any direction, with any device, heard or seen."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.replies import Reply, ToolCall
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, stand_still
from tests.web.test_chat import ask, expect_answer

pytestmark = pytest.mark.browser

PARAGRAPHS = [f"Paragraph {at}: " + "some words that take a line or two. " * 6 + "\n\n" for at in range(30)]
HEARD = """() => {
    window.heard = [];
    const listen = (node) => {
        const text = node.closest("[role=status], [role=alert], [aria-live]")?.textContent.trim();
        if (text && window.heard.at(-1) !== text) window.heard.push(text);
    };
    new MutationObserver((records) => {
        for (const { target } of records) listen(target.nodeType === 1 ? target : target.parentElement);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, summary")]
    .filter((each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .filter((each) => !each.matches(".unseen, .skip") && !each.closest(".prose, [inert]"))
    .map((each) => each.closest("label, [data-kind=boolean]") ?? each)
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([, { width, height }]) => width > 0 && Math.min(width, height) < 43.5)
    .map(([each, { width, height }]) => `${width} x ${height}: ${each.outerHTML.slice(0, 120)}`)"""
WIDER = """() => [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5 && each.checkVisibility())
    .filter((each) => !each.closest("pre, .canvas, table, .table, .unseen, .sidebar, math"))
    .map((each) => each.outerHTML.slice(0, 120))"""


PLACE_OF_FIRST_SEEN = """() => {
    const top = document.querySelector(".turns").getBoundingClientRect().top;
    const isSeen = (each) => each.getBoundingClientRect().top >= top;
    window.firstSeen ??= [...document.querySelectorAll(".answer-text p")].find(isSeen);
    return window.firstSeen.getBoundingClientRect().top;
}"""


def scroller(page: Page) -> Locator:
    return page.locator(".turns")


def test_a_long_thread_is_read_upwards_from_its_end_without_a_jump(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    messages = [
        {"role": role, "content": f"{role} {at} " + "and so on " * 30}
        for at in range(90)
        for role in ("user", "assistant")
    ]
    upstream.script([Reply(text="the end")])
    run = httpx.post(
        f"{page_server.url}/llm/runs",
        json={"input": {"messages": [*messages, {"role": "user", "content": "the last one"}]}},
    ).json()
    page.goto(f"{page_server.url}/#/llm/chat/{run['thread_id']}")
    expect(page.locator(".answer-text").last).to_have_text("the end")
    first = page.locator(".question").first
    text = " ".join(first.inner_text().split()[1:3]) + " "  # after whose it is: `user 61`
    before = page.locator(".question").count()

    first.scroll_into_view_if_needed()
    expect(page.locator(".question")).not_to_have_count(before)
    kept = page.locator(".question", has_text=text).first

    expect(kept).to_be_in_viewport()
    while page.get_by_role("button", name="Earlier messages").count() > 0:
        count = page.locator(".question").count()
        scroller(page).evaluate("each => { each.scrollTop = 0 }")
        page.wait_for_function(
            "count => document.querySelectorAll('.question').length !== count "
            "|| !document.querySelector('.turns-earlier')",
            arg=count,
        )
    expect(page.locator(".question").first).to_contain_text("user 0 ")
    assert page.locator(".question").count() == 91


def test_who_reads_above_isnt_moved_and_can_jump_to_the_latest(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script(
        [Reply(text=[*PARAGRAPHS, *PARAGRAPHS, "The end."], breaks="silence", after=len(PARAGRAPHS))]
    )
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "write")
    expect(page.locator(".answer-text")).to_contain_text("Paragraph 29")
    latest = page.get_by_role("button", name="Jump to the latest")
    expect(latest).to_be_hidden()
    page.wait_for_function(
        "() => { const each = document.querySelector('.turns');"
        " return each.scrollHeight - each.scrollTop - each.clientHeight < 2 }"
    )

    scroller(page).evaluate(
        "each => { each.scrollTop -= 600 }"
    )  # at once: a wheel's scrolling takes its time
    expect(latest).to_be_visible()
    place = page.evaluate(PLACE_OF_FIRST_SEEN)
    upstream.resume()
    expect(page.locator(".answer-text")).to_contain_text("The end.")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")

    assert page.evaluate(PLACE_OF_FIRST_SEEN) == pytest.approx(place, abs=1)
    latest.click()
    expect(page.get_by_text("The end.")).to_be_in_viewport()
    expect(latest).to_be_hidden()


ARABIC = "مرحبا! هذه **إجابة**:\n\n1. أولا `x = 1`\n2. ثانيا\n\n```python\nx = 1\n```\n\n> اقتباس"
ARABIC += "\n\nAnd in English."


def test_texts_run_in_their_own_direction(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text=ARABIC)])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "كيف حالك؟")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")
    expect(page.locator(".markdown p").last).to_have_text("And in English.")
    expect(page.locator("[aria-current] .thread-title")).to_have_text("كيف حالك؟")

    def directions(selector: str) -> list[str]:
        found: list[str] = page.locator(selector).evaluate_all(
            "all => all.map((each) => getComputedStyle(each).direction)"
        )
        return found

    assert directions(".question") == ["rtl"]
    assert directions("[aria-current] .thread-title") == ["rtl"]
    assert directions(".markdown p")[:1] == ["rtl"]
    assert directions(".markdown ol, .markdown ol li, .markdown blockquote") == ["rtl"] * 4
    assert directions(".markdown pre") == ["ltr"]
    assert directions(".markdown p")[-1:] == ["ltr"]
    marker = page.locator(".markdown ol").evaluate("each => getComputedStyle(each).paddingRight")
    assert marker != "0px"


def test_nothing_moves_for_who_wants_less_motion(
    browser: Browser, watch: Watch, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    context = watch.context(browser, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "count")
    expect(page.locator(".answer-text")).to_have_text("one")
    expect(page.locator(".waiting-dot")).to_be_visible()

    endless = page.evaluate(
        "() => document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime > 50).length"
    )

    assert endless == 0
    upstream.resume()
    expect(page.locator(".answer-text")).to_have_text("one two")
    context.close()


def test_a_screen_reader_hears_what_has_changed_and_no_tokens(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    call = ToolCall("calculator", {"expression": "3 * 4"}, "call-1")
    upstream.script([Reply(tool_calls=[call]), Reply(text=[f"word{at} " for at in range(60)])])
    page.goto(f"{page_server.url}/#/agent")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    page.evaluate(HEARD)

    ask(page, "what is 3 * 4?")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")

    heard: list[str] = page.evaluate("window.heard")
    assert heard[-1] == "The answer is complete."
    assert set(heard) <= {"Answering", "Waiting for its turn", "The answer is complete."}
    assert len(heard) <= 4


PHONE = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True}
MAIL = {"to": "ada@example.org", "subject": "The figures", "body": "Dear Ada, here they are."}
RICH = """| a column of a table | another column | and one more | that is wide |
|--|--|--|--|
| `value_of_something_long` | text | text | text |

```python
print("a line of code that is longer than a phone is wide, by far")
```

$$\\int_0^1 x\\,dx + \\int_0^1 x\\,dx + \\int_0^1 x\\,dx + \\int_0^1 x\\,dx = 2$$

Averyveryveryveryveryveryveryveryveryveryveryveryveryverylongwordwithoutanybreak
"""


def fits(page: Page) -> None:
    """Fail if something is too small for a finger, or wider than the screen."""
    stand_still(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.evaluate(WIDER) == []
    assert page.evaluate(SMALL_TARGETS) == []


def test_everything_fits_a_phone_and_a_finger(
    browser: Browser, watch: Watch, page_server: Served, graphs_server: Served, upstream: Upstream
) -> None:
    mail = ToolCall("send_email", MAIL, "call-mail")
    upstream.script([Reply(text="a first answer"), Reply(text=RICH), Reply(tool_calls=[mail])])
    page = watch.context(browser, **PHONE).new_page()
    page.goto(f"{page_server.url}/#/llm")
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_visible()
    fits(page)

    ask(page, "hello?")
    expect(page.locator(".answer-text")).to_have_text("a first answer")
    fits(page)
    ask(page, "show me all")
    expect(page.locator(".markdown math")).to_be_visible()
    expect(page.locator(".turn-foot")).to_have_count(2)
    fits(page)
    page.get_by_role("button", name="Edit the message").first.tap()
    expect(page.get_by_role("textbox", name="Edit the message")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Context and configuration").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Close", exact=True).tap()
    page.get_by_role("button", name="Open the menu").tap()
    expect(page.get_by_role("link", name="New thread")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="approval", exact=True).tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("approval")
    ask(page, "mail Ada")
    page.get_by_role("button", name="Edit", exact=True).tap()
    expect(page.get_by_role("textbox", name="subject")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Graph", exact=True).tap()
    expect(page.locator(".node").first).to_be_visible()
    fits(page)
    page.context.close()
    form = Watch(graphs_server.url).context(browser, **PHONE).new_page()
    form.goto(f"{graphs_server.url}/#/story")
    expect(form.get_by_label("Topic")).to_be_visible()
    fits(form)
    form.context.close()


def test_everything_is_done_without_a_mouse(page: Page, page_server: Served, upstream: Upstream) -> None:
    """Each of these is reached by Tab, and acted on by Enter or Space."""
    mail = ToolCall("send_email", MAIL, "call-mail")
    upstream.script(
        [
            Reply(text=["one ", "two"], breaks="silence", after=1),
            Reply(text="an answer"),
            Reply(text="another answer"),
            Reply(tool_calls=[mail]),
            Reply(text="It is sent."),
        ]
    )

    def tab_to(name: str, *, back: bool = False) -> None:
        for _ in range(300):  # the list of threads is long, where other tests have talked before
            page.keyboard.press("Shift+Tab" if back else "Tab")
            focused = page.evaluate(
                "() => { const each = document.activeElement; return each.getAttribute('aria-label')"
                " ?? each.labels?.[0]?.textContent ?? each.textContent }"
            )
            if focused.strip() == name:
                assert page.evaluate(
                    "() => getComputedStyle(document.activeElement).outlineStyle !== 'none'"
                    " || document.activeElement.matches('textarea')"
                )
                return
        raise AssertionError(f"Tab never reaches {name}")

    def choose(name: str, *, back: bool = False) -> None:
        tab_to(name, back=back)
        page.keyboard.press("Enter")

    page.goto(f"{page_server.url}/#/llm")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    tab_to("Message")
    page.keyboard.type("count by hand")
    page.keyboard.press("Enter")
    expect(page.locator(".answer-text")).to_have_text("one")
    choose("Stop")
    expect(page.get_by_role("status")).to_have_text("Stopped.")

    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    choose("Edit the message", back=True)
    expect(page.get_by_role("textbox", name="Edit the message")).to_be_focused()
    page.keyboard.type(" again")
    page.keyboard.press("Enter")
    expect_answer(page, "an answer")
    choose("Answer again")
    expect(page.locator(".answer-text")).to_have_text("another answer")

    choose("New thread", back=True)
    expect(page.locator(".question")).to_have_count(0)
    expect(page.get_by_role("link", name="count by hand", exact=True)).to_be_visible()
    choose("count by hand")
    expect(page.locator(".answer-text")).to_have_text("another answer")

    choose("Graph")
    expect(page.locator(".node").first).to_be_visible()
    choose("Chat", back=True)
    expect(page.locator(".answer-text")).to_have_text("another answer")

    choose("approval", back=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("approval")
    tab_to("Message")
    page.keyboard.type("mail Ada")
    page.keyboard.press("Enter")
    expect(page.locator(".ask")).to_be_visible()
    choose("Approve", back=True)
    expect(page.locator(".answer-text")).to_have_text("It is sent.")


DROP = """(target, [name, type, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, { type }));
    target.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
    target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
PASTE = """(target, [name, type, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, { type }));
    target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>"


def test_files_are_dropped_anywhere_and_pasted(page: Page, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="thanks")])
    page.goto(f"{page_server.url}/#/llm")
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_visible()

    page.locator(".turns").evaluate(DROP, ["dropped.svg", "image/svg+xml", SVG])
    expect(page.get_by_role("button", name="Remove dropped.svg")).to_be_visible()
    field.evaluate(PASTE, ["pasted.txt", "text/plain", "some text"])
    expect(page.get_by_role("button", name="Remove pasted.txt")).to_be_visible()
    field.evaluate(DROP, ["large.bin", "", "x" * (5 * 2**20 + 1)])
    expect(page.get_by_role("alert")).to_contain_text("large.bin")
    page.get_by_role("button", name="Remove pasted.txt").click()
    ask(page, "look")

    expect(page.locator(".answer-text")).to_have_text("thanks")
    expect(page.locator(".question-part img")).to_have_count(1)
    expect(page.locator(".composer .file")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"^{re.escape(page_server.url)}"))


LINE = "A line of a long answer, which has some **bold** words and `code`.\n\n"


def test_a_huge_answer_leaves_the_page_usable(page: Page, page_server: Served, upstream: Upstream) -> None:
    """5 MB: what is shown of it is bounded and the page says so; all of it can be copied and asked about."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lines = 5_000_000 // len(LINE) + 1
    upstream.script([Reply(text=[LINE * 700] * (lines // 700 + 1) + ["The very end."]), Reply(text="short")])
    page.goto(f"{page_server.url}/#/llm")

    ask(page, "write")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")
    expect(page.get_by_text("It is shown shortened")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.answer-text').textContent.length > 100_000")
    assert page.locator(".answer-text").evaluate("each => each.textContent.length") < 2_000_000
    page.get_by_role("button", name="Copy the answer").click()
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText()).trim().endsWith('The very end.')"
    )
    ask(page, "and?")

    expect(page.locator(".answer-text").last).to_have_text("short")
