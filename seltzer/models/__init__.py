"""The models that graphs call, chosen by settings: `chat_model()`, `completion_model()`, `describe()`.

`is_cut_off()` reads a message's response_metadata, whoever's model it is of.

Those that choose one are imported when they are first asked for: who has imported choice.py uses it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from seltzer.models.errors import ModelError, ModelNotConfigured, UpstreamMalformed, UpstreamTruncated
from seltzer.upstream import is_cut_off

if TYPE_CHECKING:
    from seltzer.models.choice import Description as Description
    from seltzer.models.choice import chat_model as chat_model
    from seltzer.models.choice import completion_model as completion_model
    from seltzer.models.choice import describe as describe
    from seltzer.models.completion import CompletionChatModel as CompletionChatModel

__all__ = [
    "CompletionChatModel",
    "Description",
    "ModelError",
    "ModelNotConfigured",
    "UpstreamMalformed",
    "UpstreamTruncated",
    "chat_model",
    "completion_model",
    "describe",
    "is_cut_off",
]

_MODULES: Final = {
    "CompletionChatModel": "seltzer.models.completion",
    "Description": "seltzer.models.choice",
    "chat_model": "seltzer.models.choice",
    "completion_model": "seltzer.models.choice",
    "describe": "seltzer.models.choice",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
