"""The Python client: speaks only HTTP, and needs only httpx.

get_stream(query)                      print an answer as it arrives, and return it (a coroutine)
astream(query), stream(query)          yield an answer's parts, across broken connections
AsyncClient(url), Client(url)          stream, follow, resume, start, run, cancel, runs, and threads
Started, Token, ToolCall, ToolResult, Retracted, Restarted, Interrupted, Done      the parts
Seamless                               the parts, without repeating what was shown before a restart
astream_chat, stream_chat              yield the tokens of the tutorial's POST /chat
ClientError: ServerUnreachable, ServerError, AnswerCutOff

Reading: builds the parts from a run's events, for events from another source.
"""

from seltzer.client.answer import ANEW, astream, get_stream, stream
from seltzer.client.chat import astream_chat, stream_chat
from seltzer.client.client import AsyncClient, Client
from seltzer.client.errors import AnswerCutOff, ClientError, ServerError, ServerUnreachable
from seltzer.client.graphs import ServedGraph, served_graphs
from seltzer.client.records import (
    Branch,
    Checkpoint,
    Failure,
    RunInfo,
    ThreadInfo,
    ThreadPage,
    ThreadState,
    ThreadStorage,
)
from seltzer.client.run_lists import RunPage, RunSummary
from seltzer.client.streams.parts import (
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
from seltzer.client.streams.reader import Reading
from seltzer.client.streams.seamless import Seamless
from seltzer.client.turn_lists import Turn, TurnPage, TurnRun
from seltzer.cursor import Cursor

__all__ = [
    "ANEW",
    "AnswerCutOff",
    "AsyncClient",
    "Branch",
    "Checkpoint",
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
    "RunPage",
    "RunSummary",
    "Seamless",
    "ServedGraph",
    "ServerError",
    "ServerUnreachable",
    "Started",
    "ThreadInfo",
    "ThreadPage",
    "ThreadState",
    "ThreadStorage",
    "Token",
    "ToolCall",
    "ToolResult",
    "Turn",
    "TurnPage",
    "TurnRun",
    "astream",
    "astream_chat",
    "get_stream",
    "served_graphs",
    "stream",
    "stream_chat",
]
