"""One server of ours, and one of all providers, for the session."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from seltzer.main import create_app
from seltzer.settings import Settings
from tests.patience import PATIENCE_S
from tests.providers.agents import FAKE, INSTALLED, KINDS
from tests.serving import Served, serving, write_graphs

_SOURCE = """
from tests.providers.agents import made

graph = made({name!r})
"""


@pytest.fixture(scope="session")
def providers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each kind of graph around each provider's model, as `openai-agent`."""
    folder = tmp_path_factory.mktemp("providers")
    names = [f"{provider}-{kind}" for provider in INSTALLED for kind in KINDS]
    config = write_graphs(folder, {name: _SOURCE.format(name=name) for name in names})
    settings = Settings(_env_file=None, config=config, data=folder / "data")
    with FAKE:
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
