"""Each store's checkpoint saver passes LangGraph's own suite for savers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.stores.conversing import agent
from tests.stores.opened import STORES

conformance = pytest.importorskip("langgraph.checkpoint.conformance")  # its types aren't published

BASE: Final = ["put", "put_writes", "get_tuple", "list", "delete_thread"]


@pytest.mark.anyio
@pytest.mark.parametrize("capability", BASE)
@pytest.mark.parametrize("name", STORES)
async def test_a_saver_conforms(tmp_path: Path, name: str, capability: str) -> None:
    async def saver() -> AsyncIterator[object]:
        async with STORES[name](tmp_path) as opened:
            yield opened.checkpoints.saver_for(agent())

    registered = conformance.checkpointer_test(name=name)(saver)

    report = await conformance.validate(registered, capabilities={capability})

    result = report.results[capability]
    assert result.failures in (None, [])
    assert result.passed
    assert result.tests_passed > 0
