"""docs/how-to/scale-out.md can be followed from top to bottom: its servers, its nginx, its run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.conftest import ROOT
from tests.docs.blocks import blocks_of
from tests.e2e.postgres.proxy import PAGE, nginx
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import create_database, free_port

PORTS = ("8001", "8002", "8003")


def test_the_page_leads_to_three_servers_behind_nginx(tmp_path: Path) -> None:
    ports = {port: str(free_port()) for port in PORTS}
    blocks = [block.text for block in blocks_of(PAGE) if block.language == "bash"]
    script = "\n".join(block for block in blocks if "pip install" not in block)
    for documented, port in ports.items():
        script = script.replace(documented, port)
    script = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL={create_database()}", script)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    with (tmp_path / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["bash", "-c", f"set -e\n{script}\necho the page ends\nwait"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        assert shell.stdout is not None
        printed = ""
        for line in shell.stdout:
            printed += line
            if "the page ends" in line:
                break
        urls = [f"http://127.0.0.1:{port}" for port in ports.values()]
        with nginx(tmp_path / "nginx", urls) as front:
            answers = [httpx.get(f"{front}/ready", timeout=PATIENCE_S).status_code for _ in urls]
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(PATIENCE_S)
        if shell.stdout is not None:
            shell.stdout.close()

    assert "event: finished" in printed, (printed, (tmp_path / "log").read_text())
    assert answers == [200] * len(urls)
