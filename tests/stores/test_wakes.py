"""The hints of each store that several processes can use pass the exam."""

import pytest

from tests.stores.conformance_wakes import WakesExam
from tests.stores.opened import STORES, Opened

SHARED = [name for name in STORES if name != "sqlite"]


@pytest.mark.parametrize("opened", SHARED, indirect=True)
class TestEveryWake(WakesExam):
    pass


@pytest.mark.anyio
@pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
async def test_a_file_of_one_process_gives_no_hints(opened: Opened) -> None:
    assert opened.event_log.wakes() is None
