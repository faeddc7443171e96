"""`seltzer chat --header`: for a server whose app asks for a key."""

from __future__ import annotations

from pathlib import Path

from fastapi import Depends, FastAPI

from seltzer import Seltzer
from tests.cli.conftest import Desk
from tests.client.test_headers import check_key
from tests.embedding.graphs import asking
from tests.serving import serving


def test_a_header_is_sent_with_every_request_and_never_printed(desk: Desk, tmp_path: Path) -> None:
    app, seltzer = FastAPI(), Seltzer({"agent": asking()}, data=tmp_path / "data")
    seltzer.mount(app, dependencies=[Depends(check_key)])
    with serving(app) as served:
        asked = desk.run("chat", "--url", served.url, "--header", "X-Key: right", "hi")
        refused = desk.run("chat", "--url", served.url, "hi")

    assert "tea or coffee?" in asked.stdout + asked.stderr
    assert "--header ..." in asked.stderr
    assert "right" not in asked.stderr
    assert "a header with the right key is missing" in refused.stderr


def test_what_is_no_header_is_refused_without_printing_it(desk: Desk) -> None:
    wrong = desk.run("chat", "--header", "secret-without-a-colon", "hi")

    assert wrong.returncode == 2
    assert "write it as 'Name: value'" in wrong.stderr
    assert "secret" not in wrong.stderr
