"""`<agent-chat>` in somebody's page: another origin, a strict policy, and style sheets that mean harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from playwright.sync_api import Browser, JSHandle, Locator, Page, expect

from tests.conftest import ROOT, choose_demo, choose_upstream, make_app
from tests.docs.blocks import blocks_of
from tests.docs.reader import DOCUMENTED
from tests.replies import Reply
from tests.serving import serving, write_graphs
from tests.upstream import Upstream
from tests.web.conftest import Watch, axe_finds
from tests.web.test_quick import Held

pytestmark = pytest.mark.browser

HOSTILE = """
* { color: red !important; font: 40px cursive !important; border: 9px solid red !important; }
html { font-size: 30px; letter-spacing: 1em; text-transform: uppercase; }
agent-chat { border: 0 !important; }
button, textarea, .button, .composer, .chat { display: none !important; }
:root { --accent: red; --back: red; --rem: 100px; }
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="stylesheet" href="/shop.css"><script type="module" src="{server}/_page/agent-chat.js"></script>
</head><body><main><h1>Shop</h1>{body}</main></body></html>"""


HOW_TO = ROOT / "docs/how-to/embed-in-a-page.md"


@dataclass
class Shop:
    """A site on another origin than the server, whose pages may load scripts and ask there alone."""

    url: str = ""
    server: str = ""
    body: str = ""
    css: str = ""
    extra_policy: str = ""
    whole: str = ""  # a page in place of this one
    app: FastAPI = field(default_factory=FastAPI)

    def __post_init__(self) -> None:
        self.app.get("/")(self._page)
        self.app.get("/shop.css")(lambda: Response(self.css, media_type="text/css"))
        self.app.get("/favicon.ico")(lambda: Response(status_code=204))

    def _page(self) -> HTMLResponse:
        if self.whole:
            return HTMLResponse(self.whole)
        policy = f"default-src 'none'; script-src {self.server}; connect-src {self.server}; style-src 'self'"
        return HTMLResponse(
            PAGE.format(server=self.server, body=self.body.replace("SERVER", self.server)),
            headers={"content-security-policy": policy + self.extra_policy},
        )


@pytest.fixture(scope="module")
def shops(
    built_page: None, session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The shop, and a server that lets it in."""
    shop = Shop()
    folder = tmp_path_factory.mktemp("shop")
    graphs = {
        "llm": f"{ROOT / 'graphs' / 'llm.py'}:graph",
        "story": f"{ROOT / 'tests/web/graphs.py'}:story",
        "two": f"{ROOT / 'tests/web/graphs.py'}:two",
        "broken": "raise LookupError('not today')\n",
    }
    with pytest.MonkeyPatch.context() as patch, serving(shop.app) as site:
        choose_demo(patch)
        choose_upstream(patch, session_upstream)
        config = write_graphs(folder, graphs)
        app = make_app(config=config, data=folder / "data", allowed_origins=[site.url])
        with serving(app) as served:
            shop.url, shop.server = site.url, served.url
            yield shop


@pytest.fixture
def shop(shops: Shop, upstream: Upstream) -> Shop:
    shops.whole = ""
    shops.css, shops.extra_policy, shops.body = (
        HOSTILE,
        "",
        '<agent-chat src="SERVER" graph="llm"></agent-chat>',
    )
    return shops


@pytest.fixture
def watching(shop: Shop) -> Iterator[Watch]:
    """Fail the test if anything is asked elsewhere, or the browser complains."""
    watch = Watch((shop.url, shop.server))
    yield watch
    assert watch.problems == []


@pytest.fixture
def page(watching: Watch, browser: Browser) -> Iterator[Page]:
    context = watching.context(browser)
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def visit(page: Page, shop: Shop) -> Callable[..., Locator]:
    """Open the shop's page with the element it has, and return the element."""

    def visit(body: str | None = None) -> Locator:
        shop.body = shop.body if body is None else body
        page.goto(shop.url)
        return page.locator("agent-chat").first

    return visit


Visit = Callable[..., Locator]


def ask(chat: Locator, text: str) -> None:
    """Type a question into an element and send it."""
    written = chat.get_by_role("textbox", name="Message")
    written.fill(text)
    written.press("Enter")


def record(chat: Locator | JSHandle) -> Callable[[], list[dict[str, Any]]]:
    """Note the element's events; return what gives them."""
    chat.evaluate(
        """(element) => {
          element.seen = [];
          for (const name of ["answer", "error", "threadchange"])
            element.addEventListener(name, (event) => element.seen.push({ name, ...event.detail }));
        }"""
    )
    return lambda: list(chat.evaluate("element => element.seen"))


def test_an_answer_streams_into_a_page_of_another_origin(
    visit: Visit, page: Page, upstream: Upstream, shop: Shop
) -> None:
    upstream.script([Reply(text=["Seltzer ", "**water**."], breaks="silence", after=1)])
    chat = visit()
    seen = record(chat)

    ask(chat, "what is in the glass?")
    expect(chat.locator(".answer")).to_have_text("Seltzer")
    expect(chat.get_by_role("status")).to_have_text("Answering")
    upstream.resume()

    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")
    expect(chat.locator(".answer strong")).to_have_text("water")
    thread = chat.evaluate("element => element.thread")
    (changed, answered) = seen()
    assert changed == {"name": "threadchange", "thread": thread}
    assert (answered["name"], answered["thread"], answered["text"]) == (
        "answer",
        thread,
        "Seltzer **water**.",
    )
    assert chat.get_attribute("thread") == thread
    assert page.url == f"{shop.url}/"
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_neither_styles_the_other(visit: Visit, page: Page) -> None:
    chat = visit()
    written = chat.get_by_role("textbox", name="Message")
    expect(written).to_be_visible()

    style = (
        "element => { const s = getComputedStyle(element); return [s.color, s.fontSize, s.borderTopWidth] }"
    )
    root = chat.locator(".agent-chat")
    assert written.evaluate(style) == ["rgb(23, 32, 31)", "15px", "0px"]
    assert root.evaluate(style) == ["rgb(23, 32, 31)", "15px", "1px"]
    for name in ("letterSpacing", "textTransform"):
        assert root.evaluate(f"element => getComputedStyle(element).{name}") in ("normal", "none")
    assert page.locator("h1").evaluate(style) == ["rgb(255, 0, 0)", "40px", "9px"]
    assert page.evaluate("document.adoptedStyleSheets.length + document.styleSheets.length") == 1
    assert page.evaluate("document.head.children.length") == 4


def test_the_page_chooses_colours_corners_and_type(visit: Visit, shop: Shop) -> None:
    shop.css = """agent-chat { --agent-chat-accent: rgb(1, 2, 3); --agent-chat-on-accent: rgb(250, 251, 252);
      --agent-chat-radius: 0px; --agent-chat-font: serif; --agent-chat-font-size: 20px; block-size: 300px }"""
    chat = visit()
    chat.get_by_role("textbox", name="Message").fill("hi")
    send = chat.get_by_role("button", name="Send")

    expect(send).to_be_enabled()
    expect(send).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(send).to_have_css("color", "rgb(250, 251, 252)")
    root = chat.locator(".agent-chat").evaluate(
        "e => { const s = getComputedStyle(e); return [s.borderRadius, s.fontFamily, s.fontSize] }"
    )
    assert root == ["0px", "serif", "18.75px"]
    assert chat.evaluate("element => element.clientHeight") == 300


def test_two_elements_are_independent(visit: Visit, upstream: Upstream) -> None:
    upstream.script(
        lambda body: (
            Reply(text=["An ", "answer."], breaks="silence", after=1)
            if "first" in str(body)
            else Reply(text="Another.")
        )
    )
    element = '<agent-chat src="SERVER" graph="llm"></agent-chat>'
    first = visit(element + element)
    second = first.page.locator("agent-chat").nth(1)

    ask(first, "first")
    expect(first.locator(".answer")).to_have_text("An")
    second.get_by_role("textbox", name="Message").fill("second")
    expect(first.get_by_role("textbox", name="Message")).to_have_value("")
    second.get_by_role("textbox", name="Message").press("Enter")
    expect(second.locator(".answer")).to_have_text("Another.")
    expect(second.locator(".question")).to_have_count(1)
    expect(first.get_by_role("status")).to_have_text("Answering")
    upstream.resume()

    expect(first.locator(".answer")).to_have_text("An answer.")
    threads = [each.evaluate("element => element.thread") for each in (first, second)]
    assert len({*threads}) == 2


def test_it_is_asked_and_stopped_from_outside(visit: Visit, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    chat = visit()
    seen = record(chat)

    chat.evaluate("element => element.ask('count')")
    expect(chat.locator(".answer")).to_have_text("one")
    chat.evaluate("element => { element.ask('never sent'); element.stop() }")

    expect(chat.get_by_role("status")).to_have_text("Stopped.")
    expect(chat.locator(".question")).to_have_count(1)
    assert [each["name"] for each in seen()] == ["threadchange"]


@pytest.mark.parametrize("has_thread", [False, True])
def test_what_is_asked_before_the_server_has_answered_is_asked_then(
    visit: Visit,
    page: Page,
    shop: Shop,
    upstream: Upstream,
    watching: Watch,
    thread_id: str,
    has_thread: bool,
) -> None:
    upstream.script([Reply(text="one")])
    held = Held()
    page.route(f"{shop.server}/info", held)
    chosen = f'thread="{thread_id}"' if has_thread else ""
    chat = visit(f'<agent-chat src="SERVER" graph="llm" {chosen}></agent-chat>')

    chat.evaluate("element => element.ask('count')")
    held.release()

    expect(chat.locator(".answer")).to_have_text("one")
    expect(chat.locator(".question")).to_have_count(1)
    assert not has_thread or chat.evaluate("element => element.thread") == thread_id
    watching.forget("404")  # the browser's own line


def test_what_is_asked_amid_an_answer_is_asked_after_it(visit: Visit, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1), Reply(text="three")])
    chat = visit()
    seen = record(chat)

    chat.evaluate("element => { element.ask('count'); element.ask('go on') }")
    expect(chat.locator(".answer")).to_have_text("one")
    upstream.resume()

    expect(chat.locator(".answer").nth(1)).to_have_text("three")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")
    assert [each["text"] for each in seen() if each["name"] == "answer"] == ["one two", "three"]


def test_what_a_graph_asks_is_answered_by_its_forms(visit: Visit, page: Page) -> None:
    chat = visit('<agent-chat src="SERVER" graph="two" theme="dark" lang="ja"></agent-chat>')
    record(chat)

    chat.evaluate("element => element.ask('paint it')")
    colour = chat.locator(".ask", has_text="Which colour?")
    colour.get_by_role("textbox", name="あなたの回答").fill("blue")
    colour.get_by_role("button", name="回答する").click()
    chat.locator(".ask", has_text="How large?").get_by_role("button", name="large").click()
    chat.get_by_role("button", name="送信（2 / 2）").click()

    expect(chat.get_by_text("and large")).to_be_visible()
    page.wait_for_function("element => element.seen.at(-1)?.name === 'answer'", arg=chat.element_handle())


def test_a_graph_without_messages_has_a_form_and_gets_the_pages_context(visit: Visit, page: Page) -> None:
    sent: list[Any] = []
    page.on("request", lambda each: sent.append(each.post_data_json) if each.post_data else None)
    chat = visit('<agent-chat src="SERVER/" graph="story"></agent-chat>')
    chat.evaluate(
        "element => Object.assign(element, { context: { name: 'Ada', age: 36 }, configurable: { a: 1 } })"
    )

    chat.get_by_role("textbox", name="topic").fill("bubbles")
    chat.get_by_role("button", name="Run").click()

    expect(chat.get_by_text("A medium story about bubbles.").first).to_be_visible()
    assert (sent[0]["context"], sent[0]["config"]) == (
        {"name": "Ada", "age": 36},
        {"configurable": {"a": 1}},
    )


def test_every_request_has_the_headers_as_they_are_then(visit: Visit, page: Page, upstream: Upstream) -> None:
    keys: list[tuple[str, str | None]] = []
    page.on("request", lambda each: keys.append((each.url, each.headers.get("x-key"))))
    shop_body = '<agent-chat graph="llm"></agent-chat>'
    chat = visit(shop_body)
    chat.evaluate(
        """(element, server) => {
          let count = 0;
          element.headers = async () => ({ "x-key": String(++count) });
          element.src = server;
        }""",
        visit_server(page),
    )
    ask(chat, "hi")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")

    numbers = [key for url, key in keys if "/_page/" not in url and url.startswith(visit_server(page))]
    assert numbers == [str(count) for count in range(1, len(numbers) + 1)]
    assert len(numbers) > 2


def visit_server(page: Page) -> str:
    """Return the server whose module the page has loaded."""
    return str(page.evaluate("new URL('/', document.querySelector('script').src).href")).rstrip("/")


def test_it_is_removed_without_a_trace_and_added_again(visit: Visit, page: Page, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    page.add_init_script(COUNT_LISTENERS)
    chat = visit()
    ask(chat, "count")
    expect(chat.locator(".answer")).to_have_text("one")
    assert page.evaluate("listening()") > 3
    with page.expect_event("requestfailed", lambda each: "/runs" in each.url):
        chat.evaluate("element => { window.kept = element; element.remove() }")
    assert page.evaluate("new Promise(requestAnimationFrame).then(listening)") == 0
    assert page.evaluate("kept.shadowRoot.childElementCount") == 0

    page.evaluate("document.querySelector('main').append(kept)")
    expect(chat.locator(".answer")).to_have_text("one")
    upstream.resume()

    expect(chat.locator(".answer")).to_have_text("one two")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")


COUNT_LISTENERS = """
  const live = new Set();
  const names = new WeakMap();
  const keyOf = (name, listener) => {
    if (!names.has(listener)) names.set(listener, `${Math.random()}`);
    return `${name} ${names.get(listener)}`;
  };
  for (const target of [window, document]) {
    const { addEventListener: add, removeEventListener: remove } = target;
    target.addEventListener = (name, listener, options) => {
      const key = keyOf(name, listener);
      if (new Error().stack.includes("/_page/")) live.add(key); // not the browser's driver
      options?.signal?.addEventListener("abort", () => live.delete(key));
      return add.call(target, name, listener, options);
    };
    target.removeEventListener = (name, listener, options) => {
      live.delete(keyOf(name, listener));
      return remove.call(target, name, listener, options);
    };
  }
  window.listening = () => live.size;
"""


def test_moving_it_within_the_page_interrupts_nothing(visit: Visit, page: Page, upstream: Upstream) -> None:
    upstream.script([Reply(text=["one ", "two"], breaks="silence", after=1)])
    chat = visit()
    ask(chat, "count")
    expect(chat.locator(".answer")).to_have_text("one")
    failed: list[str] = []
    page.on("requestfailed", lambda each: failed.append(each.url))

    chat.evaluate(
        """async (element) => {
          document.querySelector("h1").before(element);
          await new Promise(requestAnimationFrame);
        }"""
    )
    assert failed == []
    upstream.resume()

    expect(chat.locator(".answer")).to_have_text("one two")


def test_a_thread_is_chosen_by_the_page_and_its_id_may_be_new(
    visit: Visit, thread_id: str, watching: Watch
) -> None:
    chat = visit(f'<agent-chat src="SERVER" graph="llm" thread="{thread_id}"></agent-chat>')
    seen = record(chat)
    ask(chat, "hi")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")
    assert [each["name"] for each in seen()] == ["answer"]

    chat.evaluate("element => { element.thread = null }")
    expect(chat.locator(".question")).to_have_count(0)
    chat.evaluate("(element, id) => { element.thread = id }", thread_id)

    expect(chat.locator(".question")).to_contain_text("hi")
    assert chat.evaluate("element => element.thread") == thread_id
    watching.expect("404")  # the browser's own line


def test_a_new_conversation_is_begun_by_a_button(visit: Visit) -> None:
    chat = visit()
    seen = record(chat)
    ask(chat, "hi")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")

    chat.get_by_role("button", name="New conversation").click()

    expect(chat.locator(".question")).to_have_count(0)
    expect(chat.get_by_role("button", name="New conversation")).to_have_count(0)
    assert seen()[-1] == {"name": "threadchange", "thread": None}


def test_a_thread_is_remembered_only_where_the_page_wants_it(visit: Visit, page: Page) -> None:
    chat = visit('<agent-chat src="SERVER" graph="llm" remember></agent-chat>')
    ask(chat, "remember me")
    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")

    page.reload()
    expect(chat.locator(".question")).to_contain_text("remember me")
    chat.get_by_role("button", name="New conversation").click()
    expect(chat.locator(".question")).to_have_count(0)
    page.reload()

    expect(chat.get_by_role("textbox", name="Message")).to_be_visible()
    expect(chat.locator(".question")).to_have_count(0)
    assert page.evaluate("localStorage.length") == 0


@pytest.mark.parametrize(
    ("element", "text", "code"),
    [
        ('graph="llm"', "its src attribute is missing", "no_source"),
        ('src="ftp://example.org"', "isn’t a web address", "no_address"),
        ('src="http://["', "isn’t a web address", "no_address"),
        ('src="SERVER" graph="nobody"', "There is no graph nobody here.", "unknown_graph"),
        ('src="SERVER" graph="broken"', "broken can’t be loaded", "graph_broken"),
        ('src="SERVER"', "may be: llm, story, two", "unknown_graph"),
    ],
)
def test_what_the_page_has_to_change_is_named(
    visit: Visit, page: Page, element: str, text: str, code: str
) -> None:
    visit("<template></template>")
    html = f"<agent-chat {element.replace('SERVER', visit_server(page))}></agent-chat>"
    page.evaluate("html => { document.querySelector('template').innerHTML = html }", html)
    page.evaluate("window.made = document.importNode(document.querySelector('template').content, true)")
    chat = page.evaluate_handle("made.firstChild")
    seen = record(chat)
    page.evaluate("document.querySelector('main').append(made)")

    expect(page.get_by_text(text)).to_be_visible()
    page.wait_for_function("element => element.seen.length > 0", arg=chat)
    assert seen()[-1]["code"] == code
    assert text in seen()[-1]["message"]


def test_a_server_that_isnt_there_or_lets_nobody_in_is_named(
    visit: Visit, page: Page, watching: Watch, shop: Shop
) -> None:
    page.route(f"{shop.server}/info", lambda route: route.abort())
    page.route(f"{shop.server}/health", lambda route: route.abort())
    chat = visit()
    expect(chat.get_by_text("The server doesn’t answer this page.")).to_be_visible()
    expect(chat.get_by_text(f"SELTZER_ALLOWED_ORIGINS may lack {shop.url}.")).to_be_visible()

    page.unroute_all()

    expect(chat.get_by_role("textbox", name="Message")).to_be_visible()
    watching.forget("ERR_FAILED")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_the_keyboard_reaches_all(
    browser: Browser,
    watching: Watch,
    shop: Shop,
    upstream: Upstream,
    axe: str,
    theme: Literal["light", "dark"],
) -> None:
    upstream.script([Reply(text="```python\nprint(1)\n```")])
    shop.css = "main { max-width: 30rem; margin: auto }"
    context = watching.context(browser, color_scheme=theme)
    page = context.new_page()
    page.goto(shop.url)
    chat = page.locator("agent-chat")
    expect(chat.get_by_role("textbox", name="Message")).to_be_visible()
    page.keyboard.press("Tab")
    expect(chat.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("show me")
    page.keyboard.press("Enter")
    expect(chat.locator(".answer .hljs-built_in")).to_have_text("print")

    assert axe_finds(page, axe) == []
    background = "element => getComputedStyle(element).backgroundColor"
    light = chat.locator(".agent-chat").evaluate(background) == "rgb(255, 255, 255)"
    assert light == (theme == "light")
    context.close()


def test_a_diagram_is_drawn_where_the_policy_lets_images_be_blobs(
    visit: Visit, upstream: Upstream, shop: Shop, watching: Watch
) -> None:
    upstream.script([Reply(text="```mermaid\nflowchart LR\n  a --> b\n```")])
    shop.extra_policy = "; img-src data: blob:"
    chat = visit()
    ask(chat, "draw")

    chat.get_by_role("button", name="Draw").click()

    expect(chat.locator("img.diagram")).to_be_visible()
    assert chat.evaluate("() => 'mermaid' in window && document.querySelector('.diagram-place')") in (
        False,
        None,
    )
    watching.forget("style")


def test_the_page_in_the_docs_works(visit: Visit, page: Page, shop: Shop) -> None:
    (block,) = [each for each in blocks_of(HOW_TO) if each.language == "html"]
    shop.whole = DOCUMENTED.sub(shop.server.removeprefix("http://"), block.text)

    with page.expect_console_message() as refused:
        chat = visit()
    expect(chat.get_by_text("There is no graph agent here.")).to_be_visible()
    chat.evaluate("element => { element.graph = 'llm' }")
    with page.expect_console_message() as answered:
        ask(chat, "hi")

    expect(chat.get_by_role("status")).to_have_text("The answer is complete.")
    assert chat.evaluate("element => element.clientHeight") == 640
    assert refused.value.text == "unknown_graph"
    assert answered.value.text in chat.locator(".answer").inner_text()
