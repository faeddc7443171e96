"""Does what a reader of a page would do: writes its files, runs its blocks in order."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import subprocess
from pathlib import Path
from types import CodeType
from typing import Any

from tests.docs.blocks import Block
from tests.javascript import compile_client
from tests.patience import PATIENCE_S

DOCUMENTED = re.compile(r"(?:127\.0\.0\.1|localhost):8000")

_KEPT: list[object] = []


class Reader:
    """A reader in a folder of their own; the server is at url, whatever address the page has.

    Python blocks share one namespace and one event loop, top-level await included.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._names: dict[str, Any] = {"__name__": "__docs__"}
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.close()

    def run(self, block: Block) -> str:
        """Run a Python, shell or JavaScript block; return what it prints. Raises what goes wrong in it."""
        text = DOCUMENTED.sub(self._url.removeprefix("http://"), block.text)
        if block.language == "python":
            return self._python(text, block)
        return self._javascript(text, block) if block.language == "js" else self._shell(text, block)

    def _python(self, text: str, block: Block) -> str:
        # get_stream's default is the documented address; a reader here has to name theirs.
        text = re.sub(r"(get_stream\(\"[^\"]*\")\)", rf'\1, "{self._url}")', text)
        code = compile(text, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if code.co_flags & inspect.CO_COROUTINE:
                self._runner.run(self._awaited(code))
            else:
                _KEPT.append(self._names)  # a RemoteRunnable must not be collected in a server's thread
                exec(code, self._names)
        return printed.getvalue()

    async def _awaited(self, code: CodeType) -> None:
        await eval(code, self._names)

    def _javascript(self, text: str, block: Block) -> str:
        installed = self._folder / "node_modules" / "@seltzer" / "client"
        if not installed.is_dir():
            installed.mkdir(parents=True)
            compile_client(installed)
            (installed / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
        (self._folder / "block.mjs").write_text(text, encoding="utf-8")
        return self._shell("node block.mjs", block)

    def _shell(self, text: str, block: Block) -> str:
        port = self._url.rpartition(":")[2]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self._folder,
            env={**os.environ, "PORT": port},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{block.place} exits with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def matches(printed: str, expected: str) -> bool:
    """Compare line by line, without spaces at the ends; `...` alone on a line matches any lines."""
    lines = [line.strip() for line in expected.strip().splitlines()]
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in lines)
    stripped = "".join(f"{line.strip()}\n" for line in printed.strip().splitlines())
    return re.fullmatch(pattern, stripped) is not None
