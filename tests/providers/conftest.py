"""One server of ours, and one of all providers, for the session."""

import gc
import mimetypes
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.providers.agents import FAKE, INSTALLED, KINDS, WAITING
from tests.serving import Served, serving, write_graphs

SILENCE_S = 0.3
_SOURCE = """
from tests.providers.agents import made

graph = made({name!r})
"""


@pytest.fixture(scope="session")
def providers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each kind of graph around each provider's model, as `openai-agent`."""
    mimetypes.init()  # Google's package needs it, in the event loop; it reads files
    with FAKE:
        yield from _serving(tmp_path_factory.mktemp("providers"), KINDS)


@pytest.fixture(scope="module")
def impatient(providers_server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server that lets a provider be silent for a moment only, though its models would wait."""
    for served in _serving(tmp_path_factory.mktemp("impatient"), WAITING, silence_s=SILENCE_S):
        with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
            yield client


def _serving(folder: Path, kinds: Iterable[str], **options: Any) -> Iterator[Served]:
    names = [f"{provider}-{kind}" for provider in INSTALLED for kind in kinds]
    config = write_graphs(folder, {name: _SOURCE.format(name=name) for name in names})
    settings = Settings(_env_file=None, config=config, data=folder / "data", **options)
    with ThreadPoolExecutor(1) as thread:  # it reads files
        app = thread.submit(create_app, settings).result()
    with serving(app) as served:
        yield served


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Collect what the packages leave behind here, where their warnings are ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def client(providers_server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=providers_server.url, timeout=PATIENCE_S) as client:
        yield client
