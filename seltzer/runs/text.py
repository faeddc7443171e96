"""Which text can be stored: one rule for every store, whatever a single one would accept."""

import re
from typing import Any, Final

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # NUL, and surrogates without their other half


def clean(text: str) -> str:
    """Replace lone surrogates, which a model's JSON may spell and no encoding of text can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean_value(value: Any) -> Any:
    """Return plain data with all of its texts cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key) if isinstance(key, str) else key: clean_value(each) for key, each in value.items()}
    return [clean_value(each) for each in value] if isinstance(value, list) else value
