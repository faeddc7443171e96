"""The options of a model that is being called, as the model itself has them.

A callback gets them as LangChain serializes them: without those that it excludes, such as a rate limiter, and
without any of a class that isn't serializable, as ChatOllama isn't. The model is found in the frame that
calls the callback; where it isn't, what was serialized counts.
"""

import inspect
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from langchain_core.language_models import BaseChatModel

MODELS: Final = "langchain_core.language_models."  # where the calls of models are made
_MOST_FRAMES: Final = 30  # between a model and a callback of its own


def called_options(
    serialized: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return the options of the model whose callback calls this, and of the call; None if they aren't known.

    serialized and parameters: what the callback gets of the model and of the call. `streaming` and `stream`
    are among the options only if somebody has set them.
    """
    calling = _calling_frame()
    if calling is None:
        made_with = (serialized or {}).get("kwargs")
        return None if made_with is None else {**made_with, **_without_stream(parameters)}
    model: BaseChatModel = calling.f_locals["self"]
    fields = {**vars(model)}
    if "streaming" not in model.model_fields_set:
        fields.pop("streaming", None)
    return {**fields, **_without_stream(parameters), **calling.f_locals.get("kwargs", {})}


def _without_stream(parameters: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the parameters without what some packages add to them by themselves."""
    return {key: value for key, value in (parameters or {}).items() if key not in ("stream", "streaming")}


def _calling_frame() -> FrameType | None:
    frame = inspect.currentframe()
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        is_models = str(frame.f_globals.get("__name__")).startswith(MODELS)
        if is_models and isinstance(frame.f_locals.get("self"), BaseChatModel):
            return frame
        frame = frame.f_back
    return None
