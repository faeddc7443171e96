"""The Python client: it knows only HTTP, and needs only httpx.

get_stream(query)                      print an answer as it comes, and return it (await it)
stream_chat, astream_chat              yield the tokens of POST /chat
stream_events                          yield an answer's tokens and steps from a graph's /stream_events
Token, ToolCall, ToolResult, Retracted, Done      what stream_events yields
ClientError: ServerUnreachable, ServerError, AnswerCutOff
"""

from app.client.answer import Done, Part, Retracted, Token, ToolCall, ToolResult, stream_events
from app.client.chat import astream_chat, get_stream, stream_chat
from app.client.errors import AnswerCutOff, ClientError, ServerError, ServerUnreachable
from app.client.served import ServedGraph, served_graphs

__all__ = [
    "AnswerCutOff",
    "ClientError",
    "Done",
    "Part",
    "Retracted",
    "ServedGraph",
    "ServerError",
    "ServerUnreachable",
    "Token",
    "ToolCall",
    "ToolResult",
    "astream_chat",
    "get_stream",
    "served_graphs",
    "stream_chat",
    "stream_events",
]
