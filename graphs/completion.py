"""LangChain's completion model `OpenAI`, as in the first tutorial, in the same graph as the chat model."""

from graphs.bare import build
from seltzer.models import completion_model
from seltzer.models.completion import CompletionChatModel

graph = build(CompletionChatModel(completion=completion_model()))
