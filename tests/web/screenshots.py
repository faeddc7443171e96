"""Pictures of the page's states, to look at: `make screenshots`. The best of them stand in the docs.

Not collected with the tests: nothing here can fail but what they hold already.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, ViewportSize, expect

from seltzer import Seltzer
from tests.conftest import ROOT, choose_demo, choose_upstream, in_a_thread
from tests.replies import Reply, ToolCall
from tests.serving import Served, serving
from tests.upstream import Upstream
from tests.web.conftest import Watch
from tests.web.graphs import GRAPHS
from tests.web.showcase import ANSWER, ANSWERS, QUESTION, QUESTIONS, gate, researcher
from tests.web.test_chat import ask

Theme = Literal["light", "dark"]
FOLDER = Path(os.environ.get("SCREENSHOTS", ROOT / "screenshots"))
IN_DOCS = {"streaming": "chat", "graph-lit": "graph", "run": "run"}  # with SCREENSHOTS_DOCS=1
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
LOCALES = {"en": "en-US", "ja": "ja-JP", "zh": "zh-CN"}
SUM = ToolCall("calculator", {"expression": "1249 * 0.85"}, "call-1")
MAIL = {
    "to": "ada@example.org",
    "subject": "The figures of November",
    "body": "Dear Ada,\n\nattached are the figures of November. Revenue is up by 12 %.\n\nBest wishes",
}


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> Theme:
    theme: Theme = request.param
    return theme


@pytest.fixture(scope="module", autouse=True)
def model(session_upstream: Upstream) -> Iterator[None]:
    """Have a model for as long as pictures are made: the page names the demo where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        choose_demo(patch)
        choose_upstream(patch, session_upstream)
        yield


@pytest.fixture(scope="module")
def showcase(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Graphs with sub-agents and with forms."""
    app = FastAPI()
    data = tmp_path_factory.mktemp("data")
    in_a_thread(lambda: Seltzer({"researcher": researcher, **GRAPHS}, data=data)).mount(app)
    with serving(app) as served:
        yield served


Shoot = Callable[[Page, str], None]


@pytest.fixture
def shoot(theme: Theme) -> Shoot:
    """Write a picture of what is shown now, at twice the pixels."""
    FOLDER.mkdir(parents=True, exist_ok=True)

    def write(page: Page, name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.evaluate(
            "Promise.all(document.getAnimations().map(each => each.effect.getTiming().iterations === "
            "Infinity ? 0 : each.finished))"
        )
        page.screenshot(path=FOLDER / f"{name}-{theme}.png")
        shot = page.context.new_cdp_session(page).send(
            "Page.captureScreenshot", {"format": "webp", "quality": 88}
        )
        picture = base64.b64decode(shot["data"])
        (FOLDER / f"{name}-{theme}.webp").write_bytes(picture)
        if name in IN_DOCS and os.environ.get("SCREENSHOTS_DOCS"):
            (ROOT / "docs" / "images" / f"{IN_DOCS[name]}-{theme}.webp").write_bytes(picture)

    return write


Open = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, theme: Theme) -> Iterator[Open]:
    """Open a page: show(url, viewport=.., locale=..)."""
    opened = []

    def new(
        url: str, viewport: ViewportSize = WIDE, locale: str = "en-US", *, is_phone: bool = False
    ) -> Page:
        context = Watch(url).context(
            browser,
            viewport=viewport,
            locale=locale,
            color_scheme=theme,
            has_touch=is_phone,
            is_mobile=is_phone,
            device_scale_factor=1 if os.environ.get("SCREENSHOTS_SMALL") else 2,
        )
        opened.append(context)
        page = context.new_page()
        page.goto(url)
        return page

    yield new
    for context in opened:
        context.close()


def is_complete(page: Page) -> None:
    """Wait for the answer's end, and for what is loaded to show it."""
    expect(page.get_by_role("status").first).not_to_have_text("")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    expect(page.locator(".answer-text").last).to_be_visible()


def test_an_empty_chat(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    page = show(f"{page_server.url}/#/agent")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    shoot(page, "empty")


def test_an_answer_that_streams(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    text = (
        "Fifteen percent off 1,249 € leaves **1,061.65 €**.\n\nThat is 187.35 € less. If the shop rounds to"
    )
    upstream.script([Reply(tool_calls=[SUM]), Reply(text=f"{text} ten cents,", breaks="silence", after=18)])
    page = show(f"{page_server.url}/#/agent")
    ask(page, "A laptop costs 1,249 €. What is it at 15 % off?")
    expect(page.locator(".answer-text")).to_contain_text("rounds")
    page.get_by_role("button", name="calculator").click()
    shoot(page, "streaming")
    upstream.resume()


@pytest.mark.parametrize("language", LOCALES)
def test_an_answer_in_markdown(
    show: Open, shoot: Shoot, page_server: Served, upstream: Upstream, language: str
) -> None:
    upstream.script([Reply(text=ANSWERS[language])])
    page = show(f"{page_server.url}/#/llm", locale=LOCALES[language])
    field = page.get_by_role("textbox").last
    field.fill(QUESTIONS[language])
    field.press("Enter")
    is_complete(page)
    page.mouse.move(640, 300)
    shoot(page, f"markdown-{language}")


def test_a_tall_answer_in_markdown(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text=ANSWER)])
    page = show(f"{page_server.url}/#/llm", {"width": 1280, "height": 1500})
    ask(page, QUESTION)
    is_complete(page)
    expect(page.locator("math")).not_to_have_count(0)
    shoot(page, "markdown-tall")


@pytest.mark.parametrize("language", LOCALES)
def test_an_approval(
    show: Open, shoot: Shoot, page_server: Served, upstream: Upstream, language: str
) -> None:
    upstream.script([Reply(tool_calls=[ToolCall("send_email", MAIL, "call-mail")])])
    page = show(f"{page_server.url}/#/approval", locale=LOCALES[language])
    field = page.get_by_role("textbox").last
    field.fill("Send Ada the figures of November.")
    field.press("Enter")
    expect(page.locator(".ask")).to_be_visible()
    shoot(page, f"approval-{language}")
    page.locator(".ask .button", has_text={"en": "Edit", "ja": "編集", "zh": "编辑"}[language]).first.click()
    shoot(page, f"approval-edit-{language}")


def test_branches(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    upstream.script(
        [
            Reply(text="A limerick, then."),
            Reply(
                text="A haiku:\n\nBubbles climb the glass —"
                "  \neach one a small, bright token  \nthat comes to the top."
            ),
        ]
    )
    page = show(f"{page_server.url}/#/llm")
    ask(page, "Write a limerick about soda")
    is_complete(page)
    page.get_by_role("button", name="Edit the message").click()
    page.get_by_role("textbox", name="Edit the message").fill("Write a haiku about soda")
    shoot(page, "editing")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2/2")).to_be_visible()
    is_complete(page)
    page.locator(".question").hover()
    shoot(page, "branches")


def test_sub_agents(show: Open, shoot: Shoot, showcase: Served) -> None:
    gate.open()
    page = show(f"{showcase.url}/#/researcher", {"width": 1280, "height": 900})
    ask(page, "Find out how a stream can be resumed, with sources.")
    is_complete(page)
    shoot(page, "sub-agents")
    while (folded := page.locator(".fold-head[aria-expanded=false]")).count() > 0:
        folded.first.click()
    shoot(page, "sub-agents-open")
    page.goto(f"{showcase.url}/#/researcher/graph")
    expect(page.locator(".node").first).to_be_visible()
    shoot(page, "graph-sub-agents")


def test_a_form_of_a_graph(show: Open, shoot: Shoot, showcase: Served) -> None:
    page = show(f"{showcase.url}/#/story")
    page.get_by_label("Topic").fill("a fountain")
    shoot(page, "form")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".fields")).to_be_visible()
    shoot(page, "form-result")
    page.get_by_role("button", name="Context and configuration").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    shoot(page, "context")


def test_questions(show: Open, shoot: Shoot, showcase: Served) -> None:
    page = show(f"{showcase.url}/#/two")
    ask(page, "Paint the wall")
    expect(page.locator(".ask")).to_have_count(2)
    shoot(page, "questions")


def test_the_graph_at_work(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(tool_calls=[SUM]), Reply(text="It is 1,061.65 €.", breaks="silence", after=1)])
    page = show(f"{page_server.url}/#/agent")
    ask(page, "A laptop costs 1,249 €. What is it at 15 % off?")
    expect(page.locator(".answer-text")).to_be_visible()
    page.get_by_role("link", name="Graph", exact=True).click()
    expect(page.locator('.node[data-state="running"]')).to_have_count(1)
    shoot(page, "graph-lit")
    upstream.resume()


def test_the_graph_beside_the_chat(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    text = "Fifteen percent off 1,249 € leaves **1,061.65 €**: that is 187.35 € less."
    upstream.script([Reply(tool_calls=[SUM]), Reply(text=text, breaks="silence", after=12)])
    page = show(f"{page_server.url}/#/agent", {"width": 1440, "height": 860})
    page.get_by_role("button", name="Graph beside the chat").click()
    ask(page, "A laptop costs 1,249 €. What is it at 15 % off?")
    expect(page.locator(".answer-text")).to_contain_text("leaves")
    expect(page.locator('.node[data-state="running"]')).to_have_count(1)
    shoot(page, "beside")
    upstream.resume()


@pytest.mark.parametrize("language", LOCALES)
def test_the_shortcuts(show: Open, shoot: Shoot, page_server: Served, language: str) -> None:
    page = show(f"{page_server.url}/#/agent", locale=LOCALES[language])
    expect(page.get_by_role("textbox").last).to_be_visible()
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog")).to_be_visible()
    shoot(page, f"shortcuts-{language}")


def test_a_state_that_is_edited(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(tool_calls=[SUM]), Reply(text="It is 1,061.65 €.")])
    page = show(f"{page_server.url}/#/agent", {"width": 1280, "height": 1000})
    ask(page, "A laptop costs 1,249 €. What is it at 15 % off?")
    is_complete(page)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("row").get_by_role("link").first.click()
    page.get_by_role("button", name="States").click()
    page.locator(".state-head").nth(1).click()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".state-editor").scroll_into_view_if_needed()
    shoot(page, "state-edited")


def test_a_run(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    text = "Fifteen percent off 1,249 € leaves **1,061.65 €**: that is 187.35 € less."
    upstream.script([Reply(tool_calls=[SUM], gap_s=0.02), Reply(text=text, gap_s=0.03)])
    page = show(f"{page_server.url}/#/agent")
    ask(page, "A laptop costs 1,249 €. What is it at 15 % off?")
    is_complete(page)
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("row").filter(has=page.get_by_role("link")).first).to_contain_text("Done")
    shoot(page, "runs")
    page.get_by_role("row").get_by_role("link").first.click()
    slider = page.get_by_role("slider", name="Position")
    for _ in range(4):
        slider.press("ArrowLeft")
    page.get_by_role("button", name="Graph", exact=True).last.click()
    expect(page.locator(".node").first).to_be_visible()
    shoot(page, "run")


def test_a_call_of_a_program(show: Open, shoot: Shoot, page_server: Served) -> None:
    page = show(f"{page_server.url}/#/agent")
    page.get_by_role("textbox", name="Message").fill("What is 6 x 7?")
    page.get_by_role("button", name="Call it from a program").click()
    expect(page.get_by_role("dialog")).to_contain_text("curl")
    shoot(page, "call")


def test_failures(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream) -> None:
    upstream.script([Reply(text="Half an answer is", breaks="truncated", after=4)])
    page = show(f"{page_server.url}/#/llm")
    ask(page, "What is half an answer?")
    expect(page.get_by_text("upstream_truncated")).to_be_visible()
    shoot(page, "failed")
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    shoot(page, "offline")


@pytest.mark.parametrize("language", LOCALES)
def test_a_phone(show: Open, shoot: Shoot, page_server: Served, upstream: Upstream, language: str) -> None:
    upstream.script([Reply(tool_calls=[SUM]), Reply(text=ANSWERS[language])])
    page = show(f"{page_server.url}/#/agent", PHONE, LOCALES[language], is_phone=True)
    shoot(page, f"phone-empty-{language}")
    field = page.get_by_role("textbox").last
    field.fill(QUESTIONS[language])
    field.press("Enter")
    is_complete(page)
    shoot(page, f"phone-{language}")
    page.locator(".header .menu-button").tap()
    expect(page.locator(".sidebar[data-open=true]")).to_be_visible()
    shoot(page, f"phone-menu-{language}")
    page.goto(f"{page_server.url}/#/agent/graph")
    expect(page.locator(".node").first).to_be_visible()
    shoot(page, f"phone-graph-{language}")
    upstream.script([Reply(tool_calls=[ToolCall("send_email", MAIL, "call-mail")])])
    page.goto(f"{page_server.url}/#/approval")
    field = page.get_by_role("textbox").last
    expect(field).to_be_visible()
    field.fill("Mail Ada")
    field.press("Enter")
    expect(page.locator(".ask")).to_be_visible()
    shoot(page, f"phone-approval-{language}")
