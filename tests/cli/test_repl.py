"""`seltzer chat` in a terminal: a session."""

from __future__ import annotations

import re
import stat

import pytest

from tests.cli.conftest import Desk, wait_for
from tests.cli.terminal import Terminal
from tests.cli.test_chat import UNCUT
from tests.client.cutting import cutting
from tests.serving import Served


@pytest.fixture
def session(desk: Desk, talker: Served) -> Terminal:
    return open_session(desk, "--url", talker.url)


def open_session(desk: Desk, *flags: str) -> Terminal:
    terminal = desk.open_terminal("chat", *flags)
    terminal.see("agent>")
    return terminal


def test_a_session_remembers_until_a_new_thread_begins(session: Terminal) -> None:
    session.press("one\r")
    session.see("You said one, number 1.")
    session.press("two\r")
    session.see("You said two, number 2.")

    session.press("/new\r")
    session.see("A new thread.")
    session.press("three\r")

    session.see("You said three, number 1.")


@pytest.mark.parametrize("place", ["server", "process"])
def test_ctrl_c_stops_the_answer_and_not_the_session(desk: Desk, talker: Served, place: str) -> None:
    session = open_session(desk, *(["--url", talker.url] if place == "server" else []))
    session.press("forever\r")
    session.see("working")
    session.press("\x03")
    session.see("Stopped.")
    wait_for(desk.mark)

    session.press("again\r")

    session.see("You said again, number 2.")


def test_ctrl_c_at_an_empty_prompt_shows_how_to_exit(session: Terminal) -> None:
    session.press("\x03")

    session.see("Ctrl-D or /exit leaves.")
    session.see("agent>")


def test_ctrl_c_clears_what_was_typed(session: Terminal) -> None:
    session.press("not this")
    session.see("not this")
    session.press("\x03")
    session.see("agent>")

    session.press("but this\r")

    session.see("You said but this, number 1.")


@pytest.mark.parametrize("keys", ["\x04", "/exit\r", "/quit\r"])
def test_leaving_is_exit_code_0(session: Terminal, keys: str) -> None:
    session.press(keys)

    assert session.end() == 0
    assert "Traceback" not in session.screen


def test_help_lists_the_commands_and_a_wrong_one_too(session: Terminal) -> None:
    session.press("/help\r")
    session.see("start a new thread")

    session.press("/dance\r")

    session.see("There is no command /dance.")
    session.see("start a new thread")


@pytest.mark.parametrize("leave", ["/exit\r", "\x04", "/new\r"])
def test_how_to_continue_the_thread_is_shown_when_it_is_left(desk: Desk, talker: Served, leave: str) -> None:
    session = open_session(desk, "--url", talker.url)
    session.press("/help\r")
    session.see("This is thread ")
    session.press("one\r")
    session.see("number 1.")
    session.see("agent>")
    session.press(leave)
    session.see("To continue this thread: ")
    session.see(f"--url {talker.url}")
    thread = re.search(r"chat --thread (\S+)", session.screen)
    assert thread

    assert desk.run("chat", "--url", talker.url, "--thread", thread[1], "two").stdout.endswith("number 2.\n")


def test_a_session_that_asked_nothing_leaves_nothing_to_continue(session: Terminal) -> None:
    session.press("/exit\r")

    assert session.end() == 0
    assert "To continue" not in session.screen


def test_a_single_question_shows_how_to_continue(desk: Desk, talker: Served) -> None:
    asked = desk.open_terminal("chat", "--url", talker.url, "one", NO_COLOR="1")
    assert asked.end() == 0
    command = re.search(r"To continue: \S+ (chat --thread \S+ --url \S+)", asked.screen)
    assert command

    assert desk.run(*command[1].split(), "two").stdout.endswith("number 2.\n")


def test_an_empty_line_asks_nothing(session: Terminal) -> None:
    session.press("\r")
    session.see("agent>")
    session.press("one\r")

    session.see("You said one, number 1.")


def test_a_failed_answer_doesnt_end_the_session(session: Terminal) -> None:
    session.press("fail\r")
    session.see("(graph_error)")

    session.press("again\r")

    session.see("You said again")


def test_sigterm_ends_a_session_cleanly(session: Terminal) -> None:
    session.process.terminate()

    assert session.end() == 143
    assert "Traceback" not in session.screen


def test_a_step_is_dimmed(session: Terminal) -> None:
    session.press("tool\r")

    session.see("\x1b[2m→ double")
    session.see("It is 42")


def test_no_color_is_honoured(desk: Desk) -> None:
    terminal = desk.open_terminal("chat", "tool", NO_COLOR="1")

    assert terminal.end() == 0
    assert "→ double" in terminal.screen
    assert "\x1b" not in terminal.screen


def test_text_that_was_a_step_ends_its_line(desk: Desk) -> None:
    terminal = desk.open_terminal("chat", "wrong start", NO_COLOR="1")

    assert terminal.end() == 0
    assert "Let me see\r\n→ double" in terminal.screen


def test_a_model_cant_send_control_sequences_to_the_terminal(desk: Desk) -> None:
    terminal = desk.open_terminal("chat", "escape")

    assert terminal.end() == 0
    assert "␛]52;c;x␇" in terminal.screen
    assert "\x1b]52" not in terminal.screen


def test_questions_are_kept_for_the_next_session_and_for_this_user_alone(
    desk: Desk, session: Terminal
) -> None:
    session.press("one\r")
    session.see("number 1.")
    session.see("agent>")
    session.press("\x04")
    session.end()
    history = desk.folder / ".seltzer" / "chat-history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600

    next_session = open_session(desk)
    next_session.press("\x1b[A\r")

    next_session.see("You said one, number 1.")


def test_a_folder_that_cant_be_written_is_no_reason_not_to_talk(desk: Desk, talker: Served) -> None:
    (desk.folder / ".seltzer").write_text("in the way")

    terminal = open_session(desk, "--url", talker.url)
    terminal.press("one\r")

    terminal.see("You said one, number 1.")


@pytest.fixture(params=["server", "process"])
def anywhere(request: pytest.FixtureRequest, desk: Desk) -> Terminal:
    """A session with a server, and one in the process, on the thread t."""
    if request.param == "process":
        return open_session(desk, "--thread", "t")
    talker: Served = request.getfixturevalue("talker")
    return open_session(desk, "--thread", "t", "--url", talker.url)


def test_what_the_graph_asks_is_answered_in_the_session(anywhere: Terminal) -> None:
    anywhere.press("ask\r")
    anywhere.see('? Really? {"of": "you"}')
    anywhere.see("answer>")

    anywhere.press("yes\r")

    anywhere.see("You said 'yes'.")
    anywhere.see("agent>")


def test_several_questions_are_asked_one_by_one(anywhere: Terminal) -> None:
    anywhere.press("ask both\r")
    anywhere.see("? ")
    anywhere.see("? ")
    anywhere.see("answer 1 of 2>")
    anywhere.press("true\r")
    anywhere.see("answer 2 of 2>")

    anywhere.press("true\r")

    anywhere.see("And True.")  # of parallel answers, the last one kept is the run's
    anywhere.see("agent>")


def test_a_question_can_be_left_for_a_new_thread(anywhere: Terminal) -> None:
    anywhere.press("ask\r")
    anywhere.see("answer>")

    anywhere.press("/new\r")
    anywhere.see("agent>")
    anywhere.press("hello\r")

    anywhere.see("You said hello, number 1.")


@pytest.mark.parametrize("place", ["server", "process"])
def test_a_session_begins_with_what_its_thread_waits_for(desk: Desk, talker: Served, place: str) -> None:
    flags = ["--thread", "t", *(["--url", talker.url] if place == "server" else [])]
    desk.run("chat", *flags, "ask")

    terminal = desk.open_terminal("chat", *flags)
    terminal.see("? Really?")
    terminal.see("answer>")
    terminal.press("yes\r")

    terminal.see("You said 'yes'.")


@pytest.mark.parametrize("place", ["server", "process"])
def test_a_session_shows_the_last_turn_of_the_thread_it_continues(
    desk: Desk, talker: Served, place: str
) -> None:
    flags = ["--thread", "t", *(["--url", talker.url] if place == "server" else [])]
    desk.run("chat", *flags, "one")
    desk.run("chat", *flags, "two")

    terminal = desk.open_terminal("chat", *flags)

    terminal.see("you> two")
    terminal.see("You said two, number 2.")
    terminal.see("agent>")


def test_a_lost_connection_is_reported_on_its_own_line(desk: Desk, talker: Served) -> None:
    with cutting(talker.address, [*UNCUT, 1200]) as proxy:
        terminal = desk.open_terminal("chat", "--url", proxy.url, "tool")

        terminal.see("connection lost; waiting for the server ..")
        assert terminal.end() == 0
    assert "42" in terminal.screen
