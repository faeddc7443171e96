"""People's own models, accelerated or as their library has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from langchain_openai import ChatOpenAI


@pytest.fixture(scope="module")
def stock() -> Iterator[None]:
    """Have plain ChatOpenAIs accelerated where a run of ours calls them."""
    from seltzer.models.openai.accelerated.stock import install

    remove = install()
    yield
    remove()


@pytest.fixture(params=["ours", "stock"])
def fast(request: pytest.FixtureRequest, stock: None) -> type[ChatOpenAI]:
    """The class of an accelerated model."""
    from seltzer.models.openai.accelerated import AcceleratedChatOpenAI

    return AcceleratedChatOpenAI if request.param == "ours" else ChatOpenAI


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ChatOpenAI as its library defines it, though engines of other tests may be open."""
    for name in ("_astream", "_stream"):
        monkeypatch.setattr(ChatOpenAI, name, inspect.unwrap(getattr(ChatOpenAI, name)))
    if "_agenerate_with_cache" in vars(ChatOpenAI):
        monkeypatch.delattr(ChatOpenAI, "_agenerate_with_cache")
