"""`seltzer chat QUESTION`: one answer, then an exit code."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.cli.conftest import BARE, TALKER, Desk, wait_for
from tests.serving import Served, write_graphs


@pytest.fixture(params=["server", "process"])
def where(request: pytest.FixtureRequest) -> list[str]:
    """The flags that ask a server, and those that answer in the process: all else must be alike."""
    if request.param == "process":
        return []
    talker: Served = request.getfixturevalue("talker")
    return ["--url", talker.url]


def test_the_answer_goes_to_stdout_alone(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "hello")

    assert (done.stdout, done.returncode) == ("You said hello, number 1.\n", 0)


def test_words_make_one_question(desk: Desk, where: list[str]) -> None:
    assert desk.run("chat", *where, "hello", "there").stdout == "You said hello there, number 1.\n"


def test_standard_input_is_a_question(desk: Desk, where: list[str]) -> None:
    assert desk.run("chat", *where, question="two\nlines").stdout == "You said two\nlines, number 1.\n"


def test_without_a_server_it_says_that_it_answers_here(desk: Desk) -> None:
    done = desk.run("chat", "hello")

    assert f"http://127.0.0.1:{desk.port}" in done.stderr
    assert "running in this process" in done.stderr


def test_the_server_of_the_settings_is_tried_first(desk: Desk, talker: Served) -> None:
    done = desk.run("chat", "hello", PORT=str(talker.address[1]))

    assert (done.stdout, done.stderr) == ("You said hello, number 1.\n", "")


def test_tokens_are_shown_as_the_tutorial_shows_them(desk: Desk, where: list[str]) -> None:
    assert desk.run("chat", *where, "--tokens", "|", "hello").stdout == "You| said| hello,| number| 1.|\n"


def test_the_tutorials_own_line(desk: Desk, server: Served) -> None:
    done = desk.run("chat", "--url", server.url, "--tokens", "|", "what is the square root of 71?")

    assert done.stdout.startswith("The| square| root| of| 71| is| 8.426")
    assert "→ calculator " in done.stderr


def test_steps_go_to_stderr_without_colours(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "tool")

    assert done.stdout == "It is 42\n"
    assert '→ double {"number": 21}\n← double 42\n' in done.stderr
    assert "\x1b" not in done.stderr


def test_a_failed_tool_is_shown_as_failed(desk: Desk, where: list[str]) -> None:
    assert "← broken failed: " in desk.run("chat", *where, "broken tool").stderr


def test_text_that_was_a_step_is_on_a_line_of_its_own(desk: Desk, where: list[str]) -> None:
    assert desk.run("chat", *where, "wrong start").stdout.split() == ["Let", "me", "see", "It", "is", "42"]


def test_json_lines_tell_all(desk: Desk, where: list[str]) -> None:
    parts = lines(desk.run("chat", *where, "--json", "--thread", "t", "tool"))

    assert parts[:2] == [
        {"type": "tool_call", "name": "double", "args": {"number": 21}},
        {"type": "tool_result", "name": "double", "content": "42", "is_error": False},
    ]
    assert [part["text"] for part in parts[2:-1]] == ["It ", "is ", "42"]
    assert parts[-1]["type"] == "done"
    assert parts[-1]["thread_id"] == "t"


def test_a_failed_run_is_exit_code_1_with_its_code(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "fail")

    assert (done.stdout, done.returncode) == ("You said\n", 1)
    assert done.stderr.splitlines()[-1].endswith("(graph_error)")
    assert "Traceback" not in done.stderr


def test_a_failed_run_is_a_line_of_json_too(desk: Desk, where: list[str]) -> None:
    *_, last = lines(desk.run("chat", *where, "--json", "fail"))

    assert (last["type"], last["code"]) == ("error", "graph_error")


def test_verbose_shows_why_a_run_in_this_process_failed(desk: Desk) -> None:
    assert "ValueError: as told" in desk.run("chat", "--verbose", "fail").stderr


def test_the_thread_remembers(desk: Desk, talker: Served) -> None:
    desk.run("chat", "--url", talker.url, "--thread", "t", "one")

    assert desk.run("chat", "--url", talker.url, "--thread", "t", "two").stdout == "You said two, number 2.\n"


def test_an_unreachable_server_is_exit_code_3(desk: Desk) -> None:
    done = desk.run("chat", "--url", f"http://127.0.0.1:{desk.port}", "hello")

    assert (done.stdout, done.returncode) == ("", 3)
    assert len(done.stderr.splitlines()) == 1


def test_a_graph_that_isnt_on_messages_cant_be_asked(desk: Desk, talker: Served) -> None:
    done = desk.run("chat", "--url", talker.url, "--graph", "shout", "hello")

    assert done.returncode == 2
    assert "doesn't take messages; there are agent" in done.stderr


def test_without_an_agent_the_first_graph_is_asked(desk: Desk) -> None:
    write_graphs(desk.folder, {"shout": BARE, "second": f"{TALKER}:graph", "third": f"{TALKER}:graph"})

    *_, done = lines(desk.run("chat", "--json", "hello"))

    assert done["type"] == "done"


def test_no_graph_on_messages_is_a_usage_error(desk: Desk) -> None:
    write_graphs(desk.folder, {"shout": BARE})

    done = desk.run("chat", "hello")

    assert (done.returncode, "none here does" in done.stderr) == (2, True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_ends_cleanly(
    desk: Desk, where: list[str], number: signal.Signals, code: int
) -> None:
    process = desk.start("chat", *where, "--json", "forever")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["text"] == "working"

    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)

    assert process.returncode == code
    assert "Traceback" not in complaints
    wait_for(desk.mark)


def test_a_reader_that_has_enough_is_no_failure(desk: Desk, where: list[str]) -> None:
    process = desk.start("chat", *where, "--json", "hello")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    process.wait(timeout=30)

    assert process.returncode == 0
    assert "Traceback" not in process.stderr.read()


def test_a_terminal_that_cant_show_a_character_still_gets_the_answer(desk: Desk) -> None:
    done = desk.run("chat", "🤙", LANG="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert done.stdout == "You said \\U0001f919, number 1.\n"


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]
