"""@seltzer/client as it is published: compiled to JavaScript."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.interop.programs import missing
from tests.patience import PATIENCE_S

WEB = ROOT / "web"


def compile_client(folder: Path) -> Path:
    """Compile the client into the folder; return its module."""
    compiler = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    if shutil.which("node") is None or not compiler.is_file():
        missing("Node or the page's packages are missing: install Node 20, then `npm ci` in web/")
    (folder / "package.json").write_text('{"type": "module"}')
    command = ["node", str(compiler), "-p", str(WEB / "client"), "--outDir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout
    return folder / "index.js"
