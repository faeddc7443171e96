"""The models that graphs call, chosen by settings: `chat_model()`, `completion_model()`, `describe()`."""

from seltzer.models.choice import Description, chat_model, completion_model, describe
from seltzer.models.completion import CompletionChatModel
from seltzer.models.errors import ModelError, ModelNotConfigured, UpstreamMalformed, UpstreamTruncated

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
]
