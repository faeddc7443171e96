"""The load generator counts whole answers, and voids the run for any that isn't."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.rawserver import END, RawServer, answering_each, chunk, head

SOURCES = Path(__file__).parents[2] / "bench"
TOKENS = 12


def _events(numbers: Sequence[int]) -> list[bytes]:
    """Return a frame for each token, and the last with all of the text and the mark of the end."""
    frames = [b'data: {"text":" w%04d"}\n\n' % number for number in numbers]
    whole = b"".join(b" w%04d" % number for number in numbers)
    return [*frames, b'event: finished\ndata: {"answer":"%s"}\n\n' % whole]


def _answer(frames: Sequence[bytes]) -> bytes:
    return head("201 Created") + b"".join(map(chunk, frames)) + END


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the load generator and the upstream, built as `make bench` does it."""
    if not shutil.which("gcc") and "CI" not in os.environ:
        pytest.skip("gcc isn't there")
    folder = tmp_path_factory.mktemp("programs")
    for name in ("load", "upstream"):
        source, program = str(SOURCES / f"{name}.c"), str(folder / name)
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return folder


def _load(programs: Path, port: int, *options: str, answers: int = 1) -> tuple[int, Any]:
    """Run the load generator for so many answers; return its exit code and what it printed."""
    command = [str(programs / "load"), "--port", str(port), "--path", "/runs", "--body", '{"n": %d}']
    command += [*options, "--answers", str(answers), "--warmup", "0", "--seconds", "20", "--drain", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout)


def _ask(programs: Path, *answers: Sequence[bytes]) -> tuple[int, Any, RawServer]:
    """Have the load generator read the answers, each given as its pieces, one after the other."""
    replies = [lambda _, pieces=pieces: pieces for pieces in answers]
    with answering_each(*replies) as server:
        port = int(server.url.rpartition(":")[2])
        options = ("--tokens", str(TOKENS), "--end", "event: finished", "--whole")
        code, found = _load(programs, port, *options, answers=len(answers))
    return code, found, server


def test_complete_answers_are_counted(programs: Path) -> None:
    whole = _answer(_events(range(TOKENS)))

    code, found, server = _ask(programs, [whole], [whole], [whole])

    assert (code, found["void"]) == (0, None)
    assert (found["tokens"], found["answers"], found["bytes"]) == (3 * TOKENS, 3, 3 * len(whole))
    assert [b'{"n": %d}' % n for n in (1, 2, 3)] == [asked.rpartition(b"\n")[2] for asked in server.requests]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 61])
def test_an_answer_is_complete_however_it_is_cut(programs: Path, size: int) -> None:
    whole = _answer(_events(range(TOKENS)))

    code, found, _ = _ask(programs, [whole[at : at + size] for at in range(0, len(whole), size)])

    assert (code, found["void"], found["tokens"]) == (0, None, TOKENS)


@pytest.mark.parametrize("lost", range(TOKENS))
def test_a_lost_token_voids_the_run(programs: Path, lost: int) -> None:
    """Though the last frame repeats the whole text."""
    frames = _events(range(TOKENS))
    whole, wanting = _answer(frames), _answer(frames[:lost] + frames[lost + 1 :])

    code, found, _ = _ask(programs, [whole], [wanting])

    assert code == 1
    assert f"token {lost} is lost" in found["void"] or f"{lost} tokens of {TOKENS}" in found["void"]


def _broken() -> Iterator[Any]:
    frames = _events(range(TOKENS))
    swapped = [frames[1], frames[0], *frames[2:]]
    yield pytest.param(_answer(swapped), "token 0 is lost", id="out of order")
    yield pytest.param(_answer(frames[:-1]), "ends without event: finished", id="without an end")
    yield pytest.param(_answer(frames)[: -len(END)], "ended in mid-answer", id="cut")
    yield pytest.param(head("503 Service Unavailable") + chunk(b"full") + END, "status 503", id="refused")


@pytest.mark.parametrize(("answer", "why"), list(_broken()))
def test_an_incomplete_answer_voids_the_run(programs: Path, answer: bytes, why: str) -> None:
    code, found, _ = _ask(programs, [answer])

    assert code == 1
    assert why in found["void"]


@pytest.fixture
def upstream_port(programs: Path) -> Iterator[int]:
    """The port of the fake upstream, up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen([programs / "upstream", str(port)], stdout=subprocess.PIPE)
    assert process.stdout
    try:
        assert process.stdout.readline() == b"listening on %d\n" % port
        yield port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("marker", ["[[300 0]]", "[[300 1]]"])
def test_the_upstream_sends_every_token_over_persistent_connections(
    programs: Path, upstream_port: int, marker: str
) -> None:
    options = ("--path", "/v1/chat/completions", "--tokens", "300", "--end", "[DONE]", "--streams", "3")

    code, found = _load(
        programs, upstream_port, *options, "--whole", "--body", f'{{"content":"{marker}"}}', answers=9
    )

    assert (code, found["void"]) == (0, None)
    assert (found["answers"], found["tokens"]) == (9, 2700)


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/v1/messages", "message_stop"),
        ("/api/chat", "done_reason"),
        ("/v1beta/models/gemini:streamGenerateContent?alt=sse", "finishReason"),
    ],
)
def test_the_upstream_speaks_for_other_providers(
    programs: Path, upstream_port: int, path: str, end: str
) -> None:
    options = (
        "--path",
        path,
        "--tokens",
        "300",
        "--end",
        end,
        "--whole",
        "--body",
        '{"content":"[[300 0]]"}',
    )

    code, found = _load(programs, upstream_port, *options, answers=3)

    assert (code, found["void"]) == (0, None)
    assert (found["answers"], found["tokens"]) == (3, 900)
