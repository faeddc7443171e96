"""Answers in Markdown: as they come, whatever is in them, however long."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import ROOT
from tests.replies import Reply
from tests.serving import Served
from tests.upstream import Upstream
from tests.web.conftest import Watch, stop_time
from tests.web.test_chat import ask

pytestmark = pytest.mark.browser

HOSTILE: list[str] = json.loads((ROOT / "web/test/markdown/hostile.json").read_text(encoding="utf-8"))
ADDED_FOR_ONE = 3  # nodes: of a code block once plain, then coloured
NODES_A_FRAME = 2_000  # what is made of one slice of the text, and of code that is coloured
COUNT_NODES = """() => {
    const sizeOf = (node) => 1 + (node.querySelectorAll?.("*").length ?? 0);
    const counts = (window.counts = { added: 0, inFrame: 0, most: 0 });
    const count = (node) => { counts.added += sizeOf(node); counts.inFrame += sizeOf(node) };
    new MutationObserver((records) => records.forEach((each) => each.addedNodes.forEach(count)))
        .observe(document.body, { childList: true, subtree: true });
    const turn = () => {
        counts.most = Math.max(counts.most, counts.inFrame);
        counts.inFrame = 0;
        requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
}"""
IS_SHOWN_TO = """(last) => {
    const shown = document.querySelectorAll(".markdown")[1];
    return shown?.lastElementChild?.lastElementChild?.textContent.trim().endsWith(last);
}"""
KINDS = """
## Heading

Text with **bold**, `code` and $e^{i\\pi} = -1$.

- [x] done
- [ ] open

| name | value |
|------|------:|
| one  |     1 |

```python
def f(x: int) -> str:
    return "text"  # a comment
```

$$
\\int_0^1 x\\,dx = \\tfrac{1}{2}
$$

```mermaid
graph LR; A[Start] --> B[End]
```

![a cat](https://elsewhere.example/cat.png)
"""


def answer(page: Page, served: Served, upstream: Upstream, reply: Reply) -> None:
    """Have a question answered so, up to the end."""
    upstream.script([reply])
    page.goto(f"{served.url}/#/llm")
    ask(page, "go")
    expect(page.get_by_role("status")).to_have_text("The answer is complete.")


def test_every_kind_of_block_is_shown(page: Page, page_server: Served, upstream: Upstream) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.clock.install()
    answer(page, page_server, upstream, Reply(text=KINDS))
    shown = page.locator(".markdown")

    expect(shown.get_by_role("heading", name="Heading")).to_be_visible()
    expect(shown.locator("math")).to_have_count(2)
    expect(shown.get_by_role("checkbox")).to_have_count(2)
    expect(shown.locator("[data-language=python] .hljs-keyword")).to_have_text(["def", "return"])
    expect(shown.get_by_role("link", name="a cat")).to_have_attribute("rel", "noopener noreferrer nofollow")
    stop_time(page)  # it says for a moment that it has copied
    shown.locator("[data-language=python]").get_by_role("button", name="Copy").click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == 'def f(x: int) -> str:\n    return "text"  # a comment'


def test_a_diagram_is_drawn_when_it_is_asked_for(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    answer(page, page_server, upstream, Reply(text=KINDS))

    page.get_by_role("button", name="Draw").click()

    drawn = page.get_by_role("img", name="Diagram")
    expect(drawn).to_be_visible()
    page.wait_for_function("() => document.querySelector('img.diagram').naturalWidth > 100")
    page.get_by_role("button", name="Source").click()
    expect(drawn).to_be_hidden()
    watch.expect("Applying inline style")  # the policy forbids what Mermaid measures with


def test_hostile_answers_do_nothing(
    page: Page, page_server: Served, upstream: Upstream, watch: Watch
) -> None:
    page.add_init_script("window.hacked = () => { document.title = 'hacked' }")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    answer(page, page_server, upstream, Reply(text=[f"{each}\n\n" for each in HOSTILE]))
    url = page.url
    expect(page.locator(".markdown .block")).not_to_have_count(0)  # all of it, at once

    for link in page.locator(".markdown a:not([href])").all():
        link.dispatch_event("click")
    for summary in page.locator(".markdown summary").all():
        summary.click()

    assert page.url == url
    assert page.title() == "llm · Seltzer"
    assert (
        page.locator(".markdown").locator("script, style, iframe, form, svg, object, embed, video").count()
        == 0
    )
    watch.expect("Executing inline event handler")  # what is parsed to be cleaned meets the policy already
    watch.expect("Applying inline style")
    watch.expect("Setting the document's base URI")
    assert (
        page.locator(".markdown [style], .markdown [onerror], .markdown [onload], .markdown [id]").count()
        == 0
    )


def test_what_is_finished_stays_the_same_while_more_comes(
    page: Page, page_server: Served, upstream: Upstream
) -> None:
    upstream.script([Reply(text=["One.\n\nTwo **bo", "ld**.\n\nThree", "."], breaks="silence", after=1)])
    page.goto(f"{page_server.url}/#/llm")
    ask(page, "go")
    shown = page.locator(".markdown .block")
    expect(shown).to_have_text(["One.", "Two bo"])
    first = page.locator(".markdown p", has_text="One.").element_handle()

    upstream.resume()

    expect(shown).to_have_text(["One.", "Two bold.", "Three."])
    assert first is not None
    assert first.evaluate("node => node.isConnected")


LAST = "These are the last words."
LONG = {
    "mixed": [KINDS.replace("Heading", f"Part {part}") + "\nMore words. " for part in range(300)],
    "code": [
        "```python\n",
        *(f"value_{line} = compute({line}, 'text')  # {line}\n" * 10 for line in range(280)),
    ],
    "list": [
        "".join(f"{item}. a **bold** `code` text\n" for item in range(at, at + 9)) for at in range(1, 3500, 9)
    ],
}


@pytest.mark.parametrize("kind", LONG)
def test_the_work_for_a_long_answer_grows_with_its_length_alone(
    page: Page, page_server: Served, upstream: Upstream, kind: str
) -> None:
    """What is shown stays as it is, and a frame has no more to do at the end than at the beginning."""
    assert sum(map(len, LONG[kind])) > 90_000
    answer(page, page_server, upstream, Reply(text=KINDS))  # which loads what there is to load
    expect(page.locator(".hljs-keyword")).to_have_count(2)
    upstream.script([Reply(text=[*LONG[kind], f"\n\n{LAST}"])])
    page.evaluate(COUNT_NODES)

    ask(page, "go")
    page.wait_for_function(IS_SHOWN_TO, arg=LAST)  # an expectation would read all of the text, for long

    counts: dict[str, int] = page.evaluate("() => window.counts")
    shown: int = page.evaluate('() => document.querySelectorAll(".markdown")[1].querySelectorAll("*").length')
    assert counts["added"] < ADDED_FOR_ONE * shown
    assert counts["most"] < NODES_A_FRAME
