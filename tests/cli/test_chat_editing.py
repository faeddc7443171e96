"""`seltzer chat` in a terminal: the commands that edit the conversation."""

from __future__ import annotations

from uuid import uuid4

import pytest

from seltzer.cli.chat.editing import Turn, chosen, numbered, turns_in
from seltzer.client import Client, Done
from tests.cli.conftest import Desk
from tests.cli.terminal import Terminal
from tests.serving import Served


@pytest.fixture(params=["server", "process"])
def session(request: pytest.FixtureRequest, desk: Desk, talker: Served) -> Terminal:
    terminal = desk.open_terminal("chat", *(["--url", talker.url] if request.param == "server" else []))
    terminal.see("agent>")
    return terminal


def ask(session: Terminal, line: str, answer: str) -> None:
    session.press(f"{line}\r")
    session.see(answer)
    session.see("agent>")


def test_a_conversation_is_edited(session: Terminal) -> None:
    ask(session, "one", "You said one, number 1.")
    ask(session, "two", "You said two, number 2.")

    ask(session, "/retry", "You said two, number 2.")
    ask(session, "/undo", "Taken back: two")
    ask(session, "three", "You said three, number 2.")
    ask(session, "/undo", "Taken back: three")
    ask(session, "/undo", "Taken back: one")
    ask(session, "/undo", "There is no message to take back.")
    ask(session, "four", "You said four, number 1.")
    ask(session, "five", "You said five, number 2.")

    ask(session, "/edit", "2  five")
    session.press("/edit 1\r")
    session.see("edit> four")
    session.press("teen\r")
    session.see("You said fourteen, number 1.")
    session.see("agent>")

    ask(session, "/fork", "*  1  You said fourteen, number 1.")
    ask(session, "/fork 2", "Continuing after: You said five, number 2.")
    ask(session, "six", "You said six, number 3.")


def test_an_earlier_thread_is_continued(session: Terminal) -> None:
    ask(session, "one", "You said one, number 1.")
    ask(session, "/new", "A new thread.")
    ask(session, "two", "You said two, number 1.")

    ask(session, "/threads", "*  1  two")
    session.press("/threads 2\r")
    session.see("Continuing: one")
    session.see("you> one")
    session.see("You said one, number 1.")
    session.see("agent>")

    ask(session, "three", "You said three, number 2.")


def test_what_cannot_be_edited_is_an_error_and_not_the_end(session: Terminal) -> None:
    ask(session, "/undo", "There is no message to take back.")
    ask(session, "/retry", "There is no message to answer again.")
    ask(session, "/edit 5", "This thread has no message of yours.")
    ask(session, "/fork", "There is no answer yet.")
    ask(session, "/nothing", "There is no command /nothing.")
    ask(session, "one", "You said one, number 1.")
    ask(session, "/edit 5", "There is no number 5.")
    ask(session, "/fork two", "There is no number two.")
    ask(session, "/retry now", "/retry stands alone")
    ask(session, "two", "You said two, number 2.")


@pytest.mark.parametrize("keys", ["\x03", "\x15\r", "\x15\x04"], ids=["Ctrl-C", "empty", "Ctrl-D"])
def test_an_edit_can_be_left(session: Terminal, keys: str) -> None:
    ask(session, "one", "You said one, number 1.")
    session.press("/edit 1\r")
    session.see("edit> one")

    session.press(keys)

    session.see("The message stays as it was.")
    session.see("agent>")
    ask(session, "two", "You said two, number 2.")


def test_an_edit_of_a_message_with_attachments_shows_that_they_go(desk: Desk, talker: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "look"}, image]
    *_, done = Client(talker.url).stream({"messages": [{"role": "user", "content": content}]})
    assert isinstance(done, Done)
    session = desk.open_terminal("chat", "--thread", done.thread_id, "--url", talker.url)
    session.see("agent>")

    session.press("/edit 1\r")

    session.see("Its attachments won't be sent again.")
    session.see("edit> look")


def test_a_question_that_the_graph_asks_can_be_left(session: Terminal) -> None:
    ask(session, "one", "You said one, number 1.")
    ask(session, "/new", "A new thread.")
    session.press("ask\r")
    session.see("answer>")

    session.press("/threads 2\r")
    session.see("Continuing: one")
    session.see("you> one")
    session.see("You said one, number 1.")
    session.see("agent>")
    session.press("/threads 1\r")

    session.see("answer>")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/undo", "Taken back: ask"),
        ("/fork 2", "Continuing after: You said one, number 1."),
        ("/edit 1\x15\rtwo", "You said two, number 1."),
    ],
)
def test_what_goes_back_behind_a_question_of_the_graph_withdraws_it(
    session: Terminal, command: str, answer: str
) -> None:
    ask(session, "one", "You said one, number 1.")
    session.press("/retry\r")
    session.see("You said one, number 1.")
    session.see("agent>")
    session.press("ask\r")
    session.see("answer>")
    command, _, text = command.partition("\x15\r")

    session.press(f"{command}\r")
    if text:
        session.see("edit> one")
        session.press(f"\x15{text}\r")  # Ctrl-U empties the line
    session.see(answer)
    session.see("agent>")

    ask(session, "more", "You said more, number 2.")


def test_a_question_of_the_graph_is_asked_again(session: Terminal) -> None:
    session.press("ask\r")
    session.see("answer>")

    session.press("/retry\r")

    session.see("Really?")
    session.see("answer>")
    session.press("yes\r")
    session.see("You said 'yes'.")
    session.see("agent>")


@pytest.mark.parametrize("where", ["server", "process"])
def test_what_was_taken_back_stays_so_in_a_later_session(desk: Desk, talker: Served, where: str) -> None:
    thread = str(uuid4())
    options = ["chat", "--thread", thread, *(["--url", talker.url] if where == "server" else [])]

    def opened() -> Terminal:
        session = desk.open_terminal(*options)
        session.see("agent>")
        return session

    def left(session: Terminal) -> None:
        session.press("/exit\r")
        assert session.end() == 0

    session = opened()
    ask(session, "one", "You said one, number 1.")
    ask(session, "two", "You said two, number 2.")
    ask(session, "three", "You said three, number 3.")
    left(session)
    session = opened()
    ask(session, "/undo", "Taken back: three")
    left(session)

    session = opened()
    ask(session, "/undo", "Taken back: two")
    ask(session, "four", "You said four, number 2.")


@pytest.mark.parametrize(
    ("argument", "index"),
    [("1", 0), ("3", 2), ("0", None), ("4", None), ("x", None), ("-1", None), ("²", None)],
)
def test_a_choice_is_one_of_the_numbers(argument: str, index: int | None) -> None:
    assert chosen(argument, 3) == index


def test_a_list_has_a_line_each_without_control_sequences() -> None:
    assert numbered(["a\nb", "\x1b[31mred", "x" * 99], 2) == f"   1  a b\n*  2   [31mred\n   3  {'x' * 68}.."


def test_a_turn_begins_with_a_humans_message() -> None:
    values = {
        "messages": [
            {"type": "human", "id": "1", "content": "hi"},
            {"type": "ai", "id": "2", "content": "ho"},
            {"type": "human", "id": "3", "content": [{"type": "text", "text": "look"}, {"type": "image"}]},
            {"type": "human", "id": None, "content": "lost"},
            "odd",
        ]
    }

    assert turns_in(values) == [Turn("1", "hi", answer="ho"), Turn("3", "look", has_attachments=True)]
    assert turns_in(None) == turns_in({"count": 1}) == turns_in("text") == []
