"""`seltzer doctor`: a line for each check, and the exit code."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from seltzer.cli.doctor import run
from seltzer.settings import Settings
from tests.cli.conftest import BARE, Desk, free_port
from tests.serving import Served, write_graphs
from tests.stores.postgres.server import create_database

Doctor = Callable[..., tuple[int, str]]
SECRET = "s3cret"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, where the doctor is asked."""
    folder = write_graphs(tmp_path / "project", {"shout": BARE}).parent
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def doctor(folder: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Return what runs the command here: doctor(url, **settings) -> exit code, output."""

    def ask(url: str | None = None, *, as_json: bool = False, **given: Any) -> tuple[int, str]:
        settings = {"port": free_port(), "database_url": SecretStr(url) if url else None} | given
        code = run(Settings(_env_file=None, **settings), as_json=as_json)
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return code, out

    return ask


def levels(text: str) -> dict[str, str]:
    """Return the level of each check."""
    return {check: level for level, check, *_ in map(str.split, text.splitlines()[:-1])}


def test_a_new_project_is_in_order(desk: Desk) -> None:
    done = desk.run("doctor")

    assert (done.returncode, done.stderr) == (0, "")
    found = levels(done.stdout)
    assert "fail" not in found.values()
    assert {"seltzer", "address", "store", "folder", "lock", "file", "graphs"} <= set(found)
    assert done.stdout.splitlines()[-1].endswith(" 0 to fix")
    assert not (desk.folder / ".seltzer").exists()


def test_a_database_is_looked_at(doctor: Doctor) -> None:
    code, out = doctor(create_database())

    assert code == 0
    assert levels(out)["schema"] == "ok"


def test_json_has_the_same_and_nothing_else(doctor: Doctor, folder: Path) -> None:
    write_graphs(folder, {"shout": f'{BARE}\nprint("loading")\n', "worse": "1 / 0\n"})

    code, out = doctor(f"postgresql://ada:{SECRET}@127.0.0.1:1/agents", as_json=True)

    found = {each["check"]: each for each in json.loads(out)}
    assert code == 1
    assert found["database"]["level"] == "fail"
    assert found["database"]["todo"]
    assert found["graphs"]["level"] == "warn"  # the other is served


def test_a_database_that_isnt_ours_is_named_in_the_stores_line(doctor: Doctor) -> None:
    code, out = doctor(f"mysql://ada:{SECRET}@db.example/shop")

    assert code == 0
    assert "DATABASE_URL is ignored" in out


def test_a_graph_that_cant_be_loaded_alone_fails(doctor: Doctor, folder: Path) -> None:
    write_graphs(folder, {"agent": "import nowhere_to_be_found\n"})

    code, out = doctor()

    assert (code, levels(out)["graphs"]) == (1, "fail")


def test_without_graphs_there_is_a_hint(doctor: Doctor, folder: Path) -> None:
    (folder / "langgraph.json").unlink()

    code, out = doctor()

    assert (code, levels(out)["graphs"]) == (0, "warn")


def test_a_port_that_another_program_uses_fails(doctor: Doctor) -> None:
    with socket.socket() as bound:  # nobody answers there, and a client is refused at once
        bound.bind(("127.0.0.1", 0))

        code, out = doctor(port=bound.getsockname()[1])

    assert (code, levels(out)["address"]) == (1, "fail")


def test_a_port_that_a_seltzer_uses_is_in_order(doctor: Doctor, demo_server: Served) -> None:
    code, out = doctor(port=demo_server.address[1])

    assert (code, levels(out)["address"]) == (0, "ok")
    assert f"a Seltzer answers at {demo_server.url}" in out


def test_a_store_that_cant_be_chosen_fails(doctor: Doctor) -> None:
    code, out = doctor(store="postgres")

    assert (code, levels(out)["store"]) == (1, "fail")
