"""`seltzer chat QUESTION`: one answer, then an exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from typing import Any

import pytest

from seltzer.client import Client
from tests.cli.conftest import BARE, TALKER, Desk, banner_of, url_in, wait_for, wait_for_line
from tests.client.cutting import cutting
from tests.client.rawserver import END, Answer, answering_each, chunk, head
from tests.client.streams.test_follow import run_json
from tests.patience import PATIENCE_S
from tests.serving import Served, write_graphs

# What a client asks first: is it Seltzer, and which graphs does it have?
DESCRIBED: list[Answer] = [
    lambda request: [head(), chunk(b'{"status": "up"}'), END],
    lambda request: [
        head(),
        chunk(b'{"graphs": [{"name": "agent", "takes_messages": true, "path": "/agent"}]}'),
        END,
    ],
]
UNCUT = [1_000_000] * len(DESCRIBED)


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


def test_without_a_server_it_prints_that_it_answers_in_process(desk: Desk) -> None:
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


def test_json_lines_contain_every_part(desk: Desk, where: list[str]) -> None:
    started, *parts = lines(desk.run("chat", *where, "--json", "--thread", "t", "tool"))

    assert started == {"type": "started", "run_id": parts[-1]["run_id"], "thread_id": "t"}
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


def start_forever(desk: Desk, where: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Ask for what never ends; return the process once it has begun, and the run's id."""
    process = desk.start("chat", *where, "--json", "forever")
    assert process.stdout is not None
    run_id: str = json.loads(process.stdout.readline())["run_id"]
    assert json.loads(process.stdout.readline())["text"] == "working"
    return process, run_id


def test_ctrl_c_stops_the_run(desk: Desk, where: list[str]) -> None:
    process, _ = start_forever(desk, where)

    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert complaints.splitlines()[-1] == "Stopped."
    wait_for(desk.mark)


def test_sigterm_ends_a_run_in_this_process(desk: Desk) -> None:
    process, _ = start_forever(desk, [])

    process.terminate()
    _, complaints = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 143
    assert "Traceback" not in complaints
    wait_for(desk.mark)


def test_sigterm_leaves_a_servers_run_alone(desk: Desk, talker: Served) -> None:
    process, run_id = start_forever(desk, ["--url", talker.url])

    process.terminate()
    _, complaints = process.communicate(timeout=PATIENCE_S)

    client = Client(talker.url)
    assert (process.returncode, complaints) == (143, "")
    assert client.run("agent", run_id).is_active
    client.cancel("agent", run_id)


def test_ctrl_c_before_the_server_has_answered_stops_the_run_too(desk: Desk) -> None:
    asked, stopped = threading.Event(), threading.Event()

    def begin(request: bytes) -> list[bytes]:
        asked.set()
        assert stopped.wait(PATIENCE_S)
        return [head("201 Created", "text/event-stream", x_run_id="r1", x_thread_id="t1")]

    cancelled = [head("202 Accepted", "application/json"), chunk(run_json("cancelled")), END]
    gone = [chunk(b"id: 1-1\nevent: cancelled\ndata: {}\n\n"), END]
    after = [head("200 OK", "text/event-stream"), *gone]
    answers = (*DESCRIBED, begin, lambda request: cancelled, lambda request: after)
    with answering_each(*answers) as server:
        process = desk.start("chat", "--url", server.url, "hello")
        assert asked.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        stopped.set()
        process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert b"POST /agent/runs/r1/cancel" in b"".join(server.requests)


def test_a_reader_that_has_enough_is_no_failure(desk: Desk, where: list[str]) -> None:
    process = desk.start("chat", *where, "--json", "hello")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    process.wait(timeout=PATIENCE_S)

    assert process.returncode == 0
    assert "Traceback" not in process.stderr.read()


def test_a_terminal_that_cant_show_a_character_still_gets_the_answer(desk: Desk) -> None:
    done = desk.run("chat", "🤙", LANG="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert done.stdout == "You said \\U0001f919, number 1.\n"


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        (">/dev/full", "seltzer: No space left on device"),
        (">&-", "seltzer: standard output is closed"),
        ("<&-", "seltzer: standard input is closed"),
        ("0>/dev/null", "seltzer: Bad file descriptor"),
    ],
)
def test_a_stream_that_cant_be_used_is_one_line(
    desk: Desk, talker: Served, redirection: str, message: str
) -> None:
    question = ["hello"] if redirection.startswith(">") else []

    done = desk.run_with(redirection, "chat", "--url", talker.url, *question)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_a_question_needs_neither_standard_input_nor_error(desk: Desk, talker: Served) -> None:
    done = desk.run_with("<&- 2>&-", "chat", "--url", talker.url, "hello")

    assert (done.returncode, done.stdout) == (0, "You said hello, number 1.\n")


def test_a_folder_that_a_server_uses_is_one_line(desk: Desk) -> None:
    url = url_in(banner_of(desk.start("serve", "--port", "0")))

    done = desk.run("chat", "hello")

    assert (done.returncode, done.stdout) == (1, "")
    _, complaint = done.stderr.splitlines()  # the first reports that no server is there
    assert "in use" in complaint
    assert f"seltzer chat --url {url}`" in complaint


def test_an_answer_whose_connection_breaks_is_the_same(desk: Desk, talker: Served) -> None:
    uncut = desk.run("chat", "--url", talker.url, "--tokens", "|", "tool")

    with cutting(talker.address, [*UNCUT, 900, 100, 1200]) as proxy:
        done = desk.run("chat", "--url", proxy.url, "--tokens", "|", "tool")

    assert (done.stdout, done.returncode) == (uncut.stdout, 0)
    assert len(proxy.passed) == len(UNCUT) + 4
    lost = "connection lost; waiting for the server .."
    assert lost in done.stderr
    assert [line for line in done.stderr.splitlines() if line != lost] == uncut.stderr.splitlines()


def test_an_answer_outlives_the_server_that_began_it(desk: Desk) -> None:
    url = f"http://127.0.0.1:{desk.port}"
    server = serve(desk)
    asking = desk.start("chat", "--url", url, "--thread", "t", "wait")
    assert asking.stdout is not None
    assert asking.stdout.read(len("Before")) == "Before"

    server.kill()
    server.wait()
    desk.go.touch()
    serve(desk)
    rest, complaints = asking.communicate(timeout=PATIENCE_S)

    assert (rest, asking.returncode) == (" and after.\n", 0)
    assert complaints == "connection lost; waiting for the server ..\n"
    again = desk.run("chat", "--url", url, "--thread", "t", "hello")
    assert again.stdout == "You said hello, number 2.\n"


def test_an_answer_outlives_a_server_that_is_stopped(desk: Desk) -> None:
    server = serve(desk, SELTZER_DRAIN_S="0.5")
    asking = desk.start("chat", "--url", f"http://127.0.0.1:{desk.port}", "wait")
    assert asking.stdout is not None
    assert asking.stderr is not None
    assert asking.stdout.read(len("Before")) == "Before"

    server.terminate()
    assert asking.stderr.readline() == "connection lost; waiting for the server ..\n"
    assert server.wait(PATIENCE_S) == 0
    desk.go.touch()
    serve(desk)
    rest, complaints = asking.communicate(timeout=PATIENCE_S)

    assert (rest, complaints, asking.returncode) == (" and after.\n", "", 0)


def serve(desk: Desk, **environment: str) -> subprocess.Popen[str]:
    """Start a server on the desk's own port, and wait until it is up."""
    server = desk.start("serve", **environment)
    assert server.stdout is not None
    wait_for_line(server.stdout, "Ctrl-C stops it.")
    return server


def test_a_run_is_followed_from_its_start(desk: Desk, talker: Served) -> None:
    run = Client(talker.url).start("tool")

    done = desk.run("chat", "--url", talker.url, "--follow", run.run_id)

    assert (done.stdout, done.returncode) == ("It is 42\n", 0)
    assert "← double 42" in done.stderr


def test_a_run_is_followed_in_this_process_too(desk: Desk) -> None:
    *_, ended = lines(desk.run("chat", "--json", "tool"))

    assert desk.run("chat", "--follow", ended["run_id"]).stdout == "It is 42\n"


def test_an_answer_in_this_process_may_be_longer_than_what_is_kept(desk: Desk) -> None:
    done = desk.run("chat", "word " * 300, SELTZER_EVENTS_LIMIT="100")

    assert (done.stdout.count("word"), done.returncode) == (300, 0), done.stderr


def test_ctrl_c_leaves_a_run_alone_that_is_only_followed(desk: Desk, talker: Served) -> None:
    client = Client(talker.url)
    run = client.start("forever")
    process = desk.start("chat", "--url", talker.url, "--json", "--follow", run.run_id)
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, complaints) == (130, "No longer following; the run continues.\n")
    assert client.run("agent", run.run_id).is_active
    client.cancel("agent", run.run_id)


def test_a_run_that_isnt_there_cant_be_followed(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "--follow", "nope")

    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.splitlines()[-1].endswith("(unknown_run)")


def test_what_the_graph_asks_is_answered_by_another_command(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "--thread", "t", "ask")

    assert (done.stdout, done.returncode) == ("", 1)
    question, how = done.stderr.splitlines()[-2:]
    assert question == '? Really? {"of": "you"}'
    assert "seltzer chat --thread t" in how
    assert how.endswith("--answer ...")

    answered = desk.run("chat", *where, "--thread", "t", "--answer", "yes")
    assert (answered.stdout, answered.returncode) == ("You said 'yes'.\n", 0)

    again = desk.run("chat", *where, "--thread", "t", "--answer", "no")
    assert (again.stdout, again.returncode) == ("", 1)
    assert again.stderr.splitlines()[-1].endswith("(not_interrupted)")


def test_an_answer_may_be_json(desk: Desk, where: list[str]) -> None:
    desk.run("chat", *where, "--thread", "t", "ask")

    done = desk.run("chat", *where, "--thread", "t", "--answer", '{"ok": true}')

    assert done.stdout == "You said {'ok': True}.\n"


def test_what_the_graph_asks_is_a_line_of_json(desk: Desk, where: list[str]) -> None:
    *_, last = lines(desk.run("chat", *where, "--json", "--thread", "t", "ask"))

    assert (last["type"], last["thread_id"]) == ("interrupted", "t")
    assert [each["value"] for each in last["interrupts"]] == [{"question": "Really?", "of": "you"}]


def test_several_questions_are_for_a_session(desk: Desk, where: list[str]) -> None:
    asked = desk.run("chat", *where, "--thread", "t", "ask both")
    assert asked.stderr.splitlines()[-1].endswith("seltzer chat --thread t" + "".join(f" {w}" for w in where))

    done = desk.run("chat", *where, "--thread", "t", "--answer", "yes")

    assert (done.stdout, done.returncode) == ("", 1)
    assert "is waiting for 2 answers" in done.stderr


def test_a_thread_that_isnt_there_waits_for_nothing(desk: Desk, where: list[str]) -> None:
    done = desk.run("chat", *where, "--thread", "nope", "--answer", "yes")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("(unknown_thread)")


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]
