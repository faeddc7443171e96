"""The reference lists every setting and every error code there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

import seltzer.main  # noqa: F401  # imports every room, so that every error class is known
from seltzer.errors import AppError
from seltzer.guards.faults import STATUS
from seltzer.models import settings as model_settings
from seltzer.runs.failure import MESSAGES, failure
from seltzer.settings import Settings
from tests.docs.blocks import ROOT

ERRORS = ROOT / "docs/reference/errors.md"
SETTINGS = ROOT / "docs/reference/settings.md"
NO_STATUS = "-"  # the server doesn't start


def _rows(page: Path) -> dict[str, list[str]]:
    """Return a page's table rows by the code in their first cell."""
    rows = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = cells[1:]
    return rows


def _tree(error: type[AppError]) -> Iterator[type[AppError]]:
    yield error
    for each in error.__subclasses__():
        yield from _tree(each)


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return next(str(choice) for choice in alias.choices if str(choice).isupper())
    return f"SELTZER_{name.upper()}"


SERVER_SETTINGS = {_variable(name, field): field for name, field in Settings.model_fields.items()}


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    known = {each.code for each in _tree(AppError)} | set(MESSAGES) | set(STATUS)

    documented = {code: cells[0] for code, cells in _rows(ERRORS).items()}

    assert set(documented) == known
    assert documented == {code: str(STATUS.get(code, NO_STATUS)) for code in known}


@pytest.mark.parametrize("code", MESSAGES)
def test_it_is_documented_whether_a_failed_run_may_work_later(code: str) -> None:
    assert _rows(ERRORS)[code][-1] == ("yes" if failure(code).retryable else "no")


def test_every_setting_is_documented_and_no_other() -> None:
    known = {*SERVER_SETTINGS, *model_settings._NAMES}

    assert set(_rows(SETTINGS)) == known


@pytest.mark.parametrize("name", SERVER_SETTINGS)
def test_a_setting_is_documented_with_its_default(name: str) -> None:
    documented = re.sub("[`,]", "", _rows(SETTINGS)[name][0])
    default = SERVER_SETTINGS[name].default

    if default in ((), "", None):
        assert documented == "none"
    elif isinstance(default, bool):
        assert documented == str(default).lower()
    elif isinstance(default, int | float):
        assert float(documented) == default
    else:
        assert documented == str(default)


def test_each_private_name_of_a_library_stands_in_the_module_that_the_reference_names() -> None:
    lines = (ROOT / "docs/reference/dependencies.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if "`seltzer/" in line]

    for _, names, module, _ in rows:
        source = (ROOT / module.strip("`")).read_text(encoding="utf-8")
        missing = [each for each in re.findall(r"`(.+?)`", names) if each.rpartition(".")[2] not in source]
        assert missing == [], module
    assert len(rows) > 3
