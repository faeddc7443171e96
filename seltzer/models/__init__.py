"""Which model the graphs talk to, chosen by settings: `chat_model()`, `completion_model()`, `describe()`."""

from seltzer.models.choice import Description, chat_model, completion_model, describe
from seltzer.models.errors import ModelError, ModelNotConfigured, UpstreamMalformed, UpstreamTruncated

__all__ = [
    "Description",
    "ModelError",
    "ModelNotConfigured",
    "UpstreamMalformed",
    "UpstreamTruncated",
    "chat_model",
    "completion_model",
    "describe",
]
