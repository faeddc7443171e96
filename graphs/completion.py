"""LangChain's completion model `OpenAI`, as in the first tutorial, in the same graph as the chat model."""

from graphs.bare import build
from graphs.models import completion_model
from graphs.models.completion import CompletionChatModel

graph = build(CompletionChatModel(completion=completion_model()))
