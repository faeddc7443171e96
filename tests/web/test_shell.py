"""The page's frame: what is served, languages, themes, the server's absence, and who can use it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT, make_app
from tests.serving import Served, serving
from tests.web.conftest import Watch, axe_finds

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Browser, watch: Watch, page_server: Served, axe: str, theme: Literal["light", "dark"]
) -> None:
    context = watch.context(browser, color_scheme=theme)
    page = context.new_page()
    page.goto(page_server.url)

    for view in ("Chat", "Graph"):
        link = page.get_by_role("link", name=view, exact=True)
        link.click()
        expect(link).to_have_attribute("aria-current", "page")
        expect(page.get_by_text("Loading", exact=True)).to_have_count(0)
        assert axe_finds(page, axe) == [], view
    context.close()


@pytest.mark.parametrize(("locale", "heading"), [("de-DE", "Graphs"), ("ja-JP", "グラフ"), ("zh-CN", "图")])
def test_the_page_is_in_the_browsers_language(
    browser: Browser, watch: Watch, page_server: Served, locale: str, heading: str
) -> None:
    context = watch.context(browser, locale=locale)
    page = context.new_page()
    page.goto(page_server.url)

    expect(page.get_by_role("heading", level=2).first).to_have_text(heading)
    language = {"de-DE": "en"}.get(locale, locale[:2])
    expect(page.locator("html")).to_have_attribute("lang", language)
    context.close()


def test_a_language_and_a_theme_are_kept(page: Page, page_server: Served) -> None:
    page.goto(page_server.url)
    page.get_by_label("Language").select_option("ja")
    page.get_by_role("radio", name="ダーク").check(force=True)

    page.reload()

    expect(page.get_by_role("heading", level=2).first).to_have_text("グラフ")
    expect(page.get_by_role("radio", name="ダーク")).to_be_checked()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_everything_can_be_reached_by_keyboard(page: Page, page_server: Served) -> None:
    page.goto(f"{page_server.url}/#/agent")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="What is the square root of 71?")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")

    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_the_menu_is_left_by_escape_and_gives_the_focus_back(
    browser: Browser, watch: Watch, page_server: Served
) -> None:
    context = watch.context(browser, viewport={"width": 375, "height": 700})
    page = context.new_page()
    page.goto(f"{page_server.url}/#/agent")
    opener = page.get_by_role("button", name="Open the menu")
    opener.press("Enter")
    expect(page.get_by_role("button", name="Close the menu")).to_be_focused()

    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Close the menu")).to_be_hidden()
    expect(opener).to_be_focused()
    context.close()


def test_a_lost_server_is_named_until_it_is_back(page: Page, page_server: Served, watch: Watch) -> None:
    page.goto(f"{page_server.url}/#/agent")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()

    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.context.set_offline(False)

    expect(page.get_by_text("You are offline.")).to_have_count(0)
    watch.forget("ERR_INTERNET_DISCONNECTED")


def test_a_graph_that_isnt_there_is_named(page: Page, page_server: Served) -> None:
    page.goto(f"{page_server.url}/#/nothing/chat")

    expect(page.get_by_text("There is no graph nothing here.")).to_be_visible()


def test_the_page_works_in_somebodys_app_under_a_prefix(browser: Browser, mounted: Served) -> None:
    watch = Watch(f"{mounted.url}/tools/ai")
    context = watch.context(browser)
    page = context.new_page()
    page.goto(f"{mounted.url}/tools/ai/")
    field = page.get_by_role("textbox", name="Message")
    field.fill("hello")
    field.press("Enter")

    expect(page.get_by_role("status")).to_have_text("The answer is complete.")
    context.close()
    assert watch.problems == []


@pytest.mark.parametrize(
    ("locale", "starter"),
    [
        ("en-US", "What is the square root of 71?"),
        ("ja-JP", "71の平方根は？"),
        ("zh-CN", "71的平方根是多少？"),
    ],
)
def test_the_demo_model_is_asked_by_a_click(
    browser: Browser,
    built_page: None,
    demo_env: None,
    tmp_path: Path,
    locale: str,
    starter: str,
) -> None:
    with serving(make_app(config=ROOT / "langgraph.json", data=tmp_path)) as served:
        watch = Watch(served.url)
        page = watch.context(browser, locale=locale).new_page()
        page.goto(f"{served.url}/#/agent")

        page.get_by_role("button", name=starter).click()

        expect(page.locator(".answer-text")).to_contain_text("8.426149773176359")
        expect(page.locator(".starters")).to_have_count(0)
        page.context.close()
    assert watch.problems == []
