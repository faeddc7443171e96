"""ChatOpenAI is as it was once nobody wants it accelerated any more, however that ends."""

import asyncio
import sys
from contextlib import suppress

import pytest
from anyio.lowlevel import checkpoint
from langchain_openai import ChatOpenAI

from seltzer.stock_models import accelerated_stock_models

pytestmark = pytest.mark.anyio

METHODS = ("_agenerate_with_cache", "_astream", "_stream")


def methods() -> list[object]:
    return [getattr(ChatOpenAI, name) for name in METHODS]


@pytest.mark.parametrize("rounds", [0, 1, 2, 10])
async def test_being_cancelled_as_it_begins_changes_nothing_for_good(rounds: int) -> None:
    before, finders = methods(), list(sys.meta_path)

    async def want() -> None:
        async with accelerated_stock_models():
            await asyncio.Event().wait()

    wanting = asyncio.create_task(want())
    for _ in range(rounds):
        await checkpoint()
    wanting.cancel()
    with suppress(asyncio.CancelledError):
        await wanting
    async with accelerated_stock_models():
        pass

    assert methods() == before
    assert sys.meta_path == finders
