"""LangChain's completion model `OpenAI`, as in the first tutorial, in the same graph as the chat model."""

from graphs.bare import build
from seltzer.models import CompletionChatModel, completion_model

graph = build(CompletionChatModel(completion=completion_model()))
