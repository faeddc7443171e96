"""nginx in front of several servers, configured as in docs/how-to/scale-out.md."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.docs.blocks import ROOT, blocks_of
from tests.interop.programs import missing
from tests.patience import PATIENCE_S
from tests.stores.postgres.server import free_port

PAGE = ROOT / "docs" / "how-to" / "scale-out.md"
_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_TRIES = 500


def documented() -> str:
    """Return the page's configuration."""
    return next(block.text for block in blocks_of(PAGE) if "upstream seltzer {" in block.text)


@contextmanager
def nginx(folder: Path, servers: Sequence[str]) -> Iterator[str]:
    """Run nginx before the servers, given as URLs, until the block ends; yield its own URL."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        missing("nginx isn't installed: `apt-get install nginx-light`")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    lines = "".join(f"server {url.removeprefix('http://')} max_fails=0;" for url in servers)
    written = re.sub(r"(\n *server [\d.:]+ max_fails=0;)+", f"\n{lines}", documented())
    written = re.sub(r"listen \d+;", f"listen 127.0.0.1:{port};", written)
    places = "".join(f"{name}_temp_path {folder / name};\n" for name in _FOLDERS)
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{written}}}\n"
    )
    running = subprocess.Popen([program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"])
    try:
        _wait_for(f"http://127.0.0.1:{port}", running)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait(PATIENCE_S)


def _wait_for(url: str, running: subprocess.Popen[bytes]) -> None:
    for _ in range(_TRIES):
        with suppress(httpx.ConnectError):
            httpx.get(f"{url}/health", timeout=PATIENCE_S)
            return
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"nginx has ended with {running.wait(PATIENCE_S / _TRIES)}")
    raise AssertionError("nginx doesn't answer")
