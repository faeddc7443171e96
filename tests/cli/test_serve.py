"""`seltzer serve`: real servers in real processes."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from seltzer import __version__
from tests.cli.conftest import BARE, TALKER, Desk, banner_of, get, post, url_in, wait_for
from tests.e2e.processes import until
from tests.patience import PATIENCE_S
from tests.serving import write_graphs


def test_the_banner_is_true_when_it_is_shown(desk: Desk) -> None:
    write_graphs(desk.folder, {"agent": f"{TALKER}:graph", "shout": BARE})

    banner = banner_of(desk.start("serve", "--port", "0"))

    url = url_in(banner)
    assert get(f"{url}/health").json() == {"status": "🤙"}
    assert banner.startswith(f"Seltzer {__version__} is up at {url}\n")
    assert re.search(r"agent  messages +\S+/talker.py:\d+\n", banner)
    assert "shout  own schema  shout.py:3\n" in banner
    assert "auth      off" in banner
    assert "storage   SQLite in .seltzer/seltzer.db" in banner
    for page in re.findall(r"(http://\S+(?:/playground/|/docs))\n", banner):
        assert get(page).status_code == 200
    assert f"  page      {url}/\n" in banner
    assert f"{url}/agent/chat/playground/\n" in banner
    assert f"{url}/shout/chat/playground/" not in banner


@pytest.mark.parametrize("is_on_path", [False, True])
def test_the_banners_examples_work(desk: Desk, is_on_path: bool) -> None:
    scripts = Path(sys.executable).parent
    path = [each for each in desk.environment["PATH"].split(":") if Path(each) != scripts]
    environment = {"PATH": ":".join([str(scripts), *path] if is_on_path else path)}
    banner = banner_of(desk.start("serve", "--port", "0", **environment))
    curl = next(line for line in banner.splitlines() if "curl -N" in line).partition("curl")[2]
    chat = next(line for line in banner.splitlines() if line.startswith("  chat ")).split(maxsplit=1)[1]

    curled, chatted = (
        subprocess.run(
            ["sh", "-c", line],
            cwd=desk.folder,
            env=desk.environment | environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        for line in (f"curl -s{curl}", f"{chat} hello")
    )

    assert curled.stdout == "You said what is the square root of 71?, number 1."
    assert chatted.stdout == "You said hello, number 1.\n"
    assert chat.startswith("seltzer chat") == is_on_path


def test_a_flag_overrides_the_environment_which_overrides_the_file(desk: Desk) -> None:
    (desk.folder / ".env").write_text("HOST=127.0.0.1\nPORT=1\n")
    by_environment = desk.start("serve")
    assert url_in(banner_of(by_environment)) == f"http://127.0.0.1:{desk.port}"

    by_flag = desk.start("serve", "--port", "0", HOST="192.0.2.1")
    assert by_flag.wait(PATIENCE_S) == 1  # an address that isn't ours, from the environment, over the file's

    other = desk.start("serve", "--host", "127.0.0.2", "--port", "0", SELTZER_DATA="other")
    assert url_in(banner_of(other)).startswith("http://127.0.0.2:")


def test_a_broken_graph_stops_the_start_only_if_strict(desk: Desk) -> None:
    graphs = {"agent": f"{TALKER}:graph", "broken": "import nowhere_to_be_found\n"}
    write_graphs(desk.folder, graphs)

    assert "broken    broken  " in banner_of(desk.start("serve", "--port", "0"))

    done = desk.run("serve", "--port", "0", "--strict")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'broken'" in done.stderr


def test_a_declared_auth_is_served_openly_only_if_asked(desk: Desk) -> None:
    file = write_graphs(desk.folder, {"agent": f"{TALKER}:graph"})
    declared = json.loads(file.read_text()) | {"auth": {"path": "./auth.py:auth"}}
    file.write_text(json.dumps(declared))

    assert "--no-auth" in desk.run("serve", "--port", "0").stderr

    assert "agent  messages" in banner_of(desk.start("serve", "--port", "0", "--no-auth"))


def test_an_ipv6_address_is_served(desk: Desk) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")

    url = url_in(banner_of(desk.start("serve", "--host", "::1", "--port", "0")))

    assert url.startswith("http://[::1]:")
    assert get(f"{url}/health").status_code == 200


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_server_on_all_addresses_is_named_by_one_that_can_be_opened_and_by_its_own(desk: Desk) -> None:
    banner = banner_of(desk.start("serve", "--host", "0.0.0.0", "--port", "0"))

    url = url_in(banner)
    assert url.startswith("http://127.0.0.1:")
    assert get(f"{url}/health").status_code == 200
    port = url.rpartition(":")[2]
    reach = f"0.0.0.0:{port}, every IPv4 address of this machine: the network can reach it"
    assert f"It listens on {reach}.\n" in banner
    assert "auth      off: Seltzer asks for no key yet" in banner


@pytest.mark.parametrize("reload", [[], ["--reload"]])
def test_a_port_in_use_is_one_line(desk: Desk, reload: list[str]) -> None:
    with socket.create_server(("127.0.0.1", desk.port)):
        done = desk.run("serve", *reload)

    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == (
        f"seltzer: port {desk.port} of 127.0.0.1 is in use: "
        "stop what uses it, or choose another with --port or PORT\n"
    )


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "this machine has no address 192.0.2.1"),
        ("no.such.host.invalid", "has no address"),
        ("", "empty"),
    ],
)
def test_a_host_that_cant_be_had_is_one_line(desk: Desk, host: str, message: str) -> None:
    done = desk.run("serve", "--host", host, "--port", "0")

    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("reload", [[], ["--reload"]])
def test_a_signal_stops_it_with_exit_code_0(desk: Desk, reload: list[str], number: signal.Signals) -> None:
    process = desk.start("serve", "--port", "0", *reload)
    banner_of(process)

    process.send_signal(number)
    _, complaints = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0
    assert "Traceback" not in complaints


def test_a_stop_ends_an_open_answer(desk: Desk) -> None:
    process = desk.start("serve", "--port", "0", SELTZER_DRAIN_S="1")
    url = url_in(banner_of(process))
    with httpx.stream("POST", f"{url}/chat", json={"text": "forever"}, timeout=PATIENCE_S) as response:
        pieces = response.iter_text()  # kept: a dropped generator closes the connection
        assert next(pieces) == "working"

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 0
        wait_for(desk.mark)


def test_a_stop_ends_an_open_stream_with_the_reason(desk: Desk) -> None:
    process = desk.start("serve", "--port", "0", SELTZER_DRAIN_S="1")
    url = url_in(banner_of(process))
    with httpx.stream(
        "POST", f"{url}/agent/stream", json={"input": "forever"}, timeout=PATIENCE_S
    ) as response:
        lines = response.iter_lines()
        while "working" not in next(lines):
            pass

        process.send_signal(signal.SIGTERM)
        rest = "\n".join(lines)

    _, complaints = process.communicate(timeout=PATIENCE_S)
    assert '"code":"server_draining"' in rest
    assert process.returncode == 0
    assert "Traceback" not in complaints


def test_a_second_stop_ends_it_at_once_whatever_still_runs(desk: Desk) -> None:
    process = desk.start("serve", "--port", "0", SELTZER_DRAIN_S=str(10 * PATIENCE_S))
    url = url_in(banner_of(process))
    with httpx.stream("POST", f"{url}/chat", json={"text": "forever"}, timeout=PATIENCE_S) as response:
        pieces = response.iter_text()  # kept: a dropped generator closes the connection
        assert next(pieces) == "working"
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert "Stopping" in process.stderr.readline()

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 0


HANGING = """
import subprocess
import sys
from pathlib import Path
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

def hang(state):
    mark = Path(state["messages"][-1].text)
    mark.touch()
    subprocess.run(["sh", "-c", 'until [ -e go ]; do sleep 0.05; done'], timeout=120, check=True)
    return {"messages": [AIMessage("done")]}

graph = StateGraph(MessagesState).add_node(hang).add_edge(START, "hang").compile()
"""


def test_nodes_that_hang_in_threads_leave_room_for_others(desk: Desk) -> None:
    """Python's own pool has six threads on two cores: a dozen hanging nodes would be the end."""
    write_graphs(desk.folder, {"hanging": HANGING})
    process = desk.start("serve", "--port", "0")
    url = url_in(banner_of(process))

    for number in range(40):
        post(f"{url}/hanging/runs", json={"input": f"mark-{number}"}).raise_for_status()
    wait_for(desk.folder / "mark-39")

    (desk.folder / "go").touch()
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def test_requests_are_logged_on_stderr_only_if_asked(desk: Desk) -> None:
    for asked, lines in (("false", 0), ("true", 1)):
        process = desk.start("serve", "--port", "0", SELTZER_ACCESS_LOG=asked)
        get(url_in(banner_of(process)) + "/health")
        process.terminate()
        out, log = process.communicate(timeout=PATIENCE_S)

        assert (out, log.count("GET /health")) == ("", lines)


def test_a_changed_file_is_served_after_a_reload(desk: Desk) -> None:
    file = desk.folder / "shout.py"
    write_graphs(desk.folder, {"shout": BARE})
    process = desk.start("serve", "--port", "0", "--reload")
    url = url_in(banner_of(process))
    assert shout(url) == "HELLO"

    change(file, BARE.replace("upper", "title"))

    assert url_in(banner_of(process)) == url
    assert shout(url) == "Hello"


def test_a_changed_env_file_counts_after_a_reload(desk: Desk) -> None:
    settings = desk.folder / ".env"
    settings.write_text("SELTZER_BODY_LIMIT_BYTES=1000\n")
    process = desk.start("serve", "--port", "0", "--reload")
    url = url_in(banner_of(process))
    long = {"text": "x" * 500}
    assert post(f"{url}/chat", json=long).status_code == 200

    change(settings, "SELTZER_BODY_LIMIT_BYTES=100\n")

    assert url_in(banner_of(process)) == url
    assert post(f"{url}/chat", json=long).status_code == 413


def test_a_hang_up_drains_and_a_second_one_is_no_hurry(desk: Desk) -> None:
    """A terminal that closes sends the signal more than once."""
    process = desk.start("serve", "--port", "0", SELTZER_DRAIN_S="1")
    url = url_in(banner_of(process))
    with httpx.stream(
        "POST", f"{url}/agent/stream", json={"input": "forever"}, timeout=PATIENCE_S
    ) as response:
        lines = response.iter_lines()
        while "working" not in next(lines):
            pass

        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert "Stopping" in process.stderr.readline()
        process.send_signal(signal.SIGHUP)

        assert '"code":"server_draining"' in "\n".join(lines)
    assert process.wait(PATIENCE_S) == 0


def test_a_hang_up_stops_a_reloading_server(desk: Desk) -> None:
    process = desk.start("serve", "--port", "0", "--reload")
    url = url_in(banner_of(process))

    process.send_signal(signal.SIGHUP)

    assert process.wait(PATIENCE_S) == 0
    assert not answers(url)


def test_a_server_under_nohup_ignores_a_hang_up(desk: Desk) -> None:
    process = desk.start_with("nohup", "serve", "--port", "0")
    url = url_in(banner_of(process))

    process.send_signal(signal.SIGHUP)

    assert shout_at(url) == "You said hello, number 1."


def shout_at(url: str) -> str:
    return post(f"{url}/chat", json={"text": "hello"}).text


def test_a_file_that_breaks_is_reported_and_fixed(desk: Desk) -> None:
    file = desk.folder / "shout.py"
    write_graphs(desk.folder, {"shout": BARE})
    process = desk.start("serve", "--port", "0", "--reload")
    url = url_in(banner_of(process))

    change(file, "import nowhere_to_be_found\n")
    assert process.stderr is not None
    while "can't be loaded" not in process.stderr.readline():
        pass
    refused = post(f"{url}/shout/invoke", json={"input": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (503, "load_error")
    assert "shout.py:1" in refused.json()["detail"]
    assert get(f"{url}/", headers={"host": "evil.example"}).status_code == 421
    change(file, BARE)

    banner_of(process)
    assert shout(url) == "HELLO"


def test_the_server_doesn_t_outlive_a_reloader_that_is_killed(desk: Desk) -> None:
    process = desk.start("serve", "--port", "0", "--reload")
    url = url_in(banner_of(process))

    process.kill()

    until(lambda: not answers(url))


def answers(url: str) -> bool:
    try:
        return get(f"{url}/health").is_success
    except httpx.TransportError:
        return False


def shout(url: str) -> str:
    answer = post(f"{url}/shout/invoke", json={"input": "hello"}).json()
    output: str = answer["output"]
    return output


def change(file: Path, source: str) -> None:
    """Write the file so that its time is newer, however coarse the file system's clock is."""
    newer_s = file.stat().st_mtime + 2
    file.write_text(source)
    import os

    os.utime(file, (newer_s, newer_s))
