"""The package's face: what `import seltzer` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import seltzer
from seltzer.client import get_stream
from seltzer.embedding import Seltzer, add_routes
from seltzer.main import create_app
from tests.conftest import ROOT


def test_it_has_the_public_names() -> None:
    public = [seltzer.Seltzer, seltzer.add_routes, seltzer.create_app, seltzer.get_stream]

    assert public == [Seltzer, add_routes, create_app, get_stream]
    assert set(seltzer.__all__) <= set(dir(seltzer))
    assert seltzer.__version__.count(".") == 2


def test_it_has_no_others() -> None:
    with pytest.raises(AttributeError, match="'seltzer' has no attribute 'missing'"):
        seltzer.missing  # noqa: B018


def test_importing_it_loads_nothing_else() -> None:
    code = "import sys, seltzer; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    for name in ("fastapi", "langgraph", "langchain_core", "pydantic", "httpx"):
        assert f"'{name}'" not in done.stdout
