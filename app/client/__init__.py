"""The Python client: it knows only HTTP, and needs only httpx.

get_stream(query)                      print an answer as it comes, and return it (await it)
astream(query), stream(query)          yield an answer's parts, whatever becomes of the connection
AsyncClient(url), Client(url)          stream, follow, resume, start, run, cancel, and threads
Started, Token, ToolCall, ToolResult, Retracted, Restarted, Interrupted, Done      the parts
Seamless                               the parts, without what was shown before the server was restarted
astream_chat, stream_chat              yield the tokens of the tutorial's POST /chat
ClientError: ServerUnreachable, ServerError, AnswerCutOff

Reading: what puts parts together from a run's events, for who has events from elsewhere.
"""

from app.client.answer import ANEW, astream, get_stream, stream
from app.client.chat import astream_chat, stream_chat
from app.client.client import AsyncClient, Client
from app.client.errors import AnswerCutOff, ClientError, ServerError, ServerUnreachable
from app.client.parts import (
    Done,
    Interrupt,
    Interrupted,
    Part,
    Restarted,
    Retracted,
    Started,
    Token,
    ToolCall,
    ToolResult,
)
from app.client.reading import Cursor, Reading
from app.client.records import Failure, RunInfo, ThreadInfo, ThreadPage, ThreadState
from app.client.seamless import Seamless
from app.client.served import ServedGraph, served_graphs

__all__ = [
    "ANEW",
    "AnswerCutOff",
    "AsyncClient",
    "Client",
    "ClientError",
    "Cursor",
    "Done",
    "Failure",
    "Interrupt",
    "Interrupted",
    "Part",
    "Reading",
    "Restarted",
    "Retracted",
    "RunInfo",
    "Seamless",
    "ServedGraph",
    "ServerError",
    "ServerUnreachable",
    "Started",
    "ThreadInfo",
    "ThreadPage",
    "ThreadState",
    "Token",
    "ToolCall",
    "ToolResult",
    "astream",
    "astream_chat",
    "get_stream",
    "served_graphs",
    "stream",
    "stream_chat",
]
