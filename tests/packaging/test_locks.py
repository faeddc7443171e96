"""The lock files name no machine: no path of one, and no index."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [
    *ROOT.glob("*.lock"),
    *ROOT.glob("tests/**/package-lock.json"),
    *ROOT.glob("web/*lock*"),
    *ROOT.glob("bench/requirements.txt"),
]


@pytest.mark.parametrize(
    "lock", [lock for lock in LOCKS if "node_modules" not in lock.parts], ids=lambda lock: lock.name
)
def test_a_lock_file_names_no_path_and_no_index(lock: Path) -> None:
    text = lock.read_text()

    assert not [line for line in text.splitlines() if "-c /" in line or "-r /" in line or "file:/" in line]
    assert "--index-url" not in text
    assert "http://" not in text
    assert '"resolved": "http' not in text
