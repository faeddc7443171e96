"""The command line of `seltzer chat`, checked: a usage error names the option that is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from seltzer.client.http.requests import RunOptions
from seltzer.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's options.

    words are the question, reply is the answer to a thread's interrupt, follow the id of a run to show.
    Without any of them the question is read from standard input, or a session starts. context and
    configurable are what is given for the graph: KEY=VALUE, or a JSON object.
    """

    words: tuple[str, ...] = ()
    graph: str | None = None
    thread: str | None = None
    reply: str | None = None
    follow: str | None = None
    url: str | None = None
    headers: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    configurable: tuple[str, ...] = ()
    separator: str | None = None
    as_json: bool = False
    verbose: bool = False

    @property
    def is_complete(self) -> bool:
        """Return whether the command line is complete: there is no question to read."""
        return self.reply is not None or self.follow is not None

    @property
    def graph_path(self) -> str | None:
        """The path that names the graph, if it is one: of a graph that an app lists nowhere."""
        return self.graph if self.graph is not None and self.graph.startswith("/") else None

    def check(self) -> None:
        """Raise a usage error for options that exclude each other, or have no sense."""
        if self.as_json and self.separator is not None:
            raise typer.BadParameter("give one of them", param_hint="--json and --tokens")
        if (bool(self.words), self.reply is not None, self.follow is not None).count(True) > 1:
            raise typer.BadParameter("give one of them", param_hint="QUESTION, --answer and --follow")
        if self.reply is not None and self.thread is None:
            raise typer.BadParameter("name the thread with --thread", param_hint="--answer")
        if self.follow == "":
            raise typer.BadParameter("it is empty", param_hint="--follow")
        _check_thread(self.thread)
        self.headers_by_name()
        self.run_options()
        if self.follow is not None and (self.context or self.configurable):
            raise typer.BadParameter("the run has begun with its own", param_hint="--context, --configurable")
        if self.reply is not None and self.configurable:
            raise typer.BadParameter("the run that asked has its own", param_hint="--configurable")

    def headers_by_name(self) -> dict[str, str]:
        """Return the headers by name. Raises a usage error that doesn't repeat one: it may be a key."""
        headers = {}
        for number, header in enumerate(self.headers, start=1):
            name, colon, value = (part.strip() for part in header.partition(":"))
            if not (name and colon and value and header.isascii() and header.isprintable()):
                raise typer.BadParameter(
                    "write it as 'Name: value', in ASCII", param_hint=f"--header (no. {number})"
                )
            headers[name] = value
        return headers

    def run_options(self) -> RunOptions:
        """Return what a run gets besides its input. Raises a usage error."""
        given = RunOptions()
        if self.context:
            given["context"] = _object(self.context, "--context")
        if self.configurable:
            configurable = _object(self.configurable, "--configurable")
            if "thread_id" in configurable:
                raise typer.BadParameter("name the thread with --thread", param_hint="--configurable")
            given["config"] = {"configurable": configurable}
        return given


def _object(given: Sequence[str], option: str) -> Mapping[str, Any]:
    """Return the object that the option's values make: each a JSON object, or KEY=VALUE.

    A VALUE that is JSON counts as such, any other is text. Raises a usage error.
    """
    made: dict[str, Any] = {}
    for text in given:
        if text.lstrip().startswith("{"):
            value = _json(text)
            if not isinstance(value, dict):
                raise typer.BadParameter(f"{text!r} isn't valid JSON", param_hint=option)
        else:
            key, equals, written = text.partition("=")
            if not (key.strip() and equals):
                raise typer.BadParameter(
                    f"{text!r} is neither KEY=VALUE nor a JSON object", param_hint=option
                )
            value = {key.strip(): _json(written, default=written)}
        for name in value.keys() & made.keys():
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        made |= value
    return made


def _json(text: str, default: Any = None) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return default


def _check_thread(thread: str | None) -> None:
    if thread is None:
        return
    from seltzer.runs.thread import check_thread_id

    try:
        check_thread_id(thread, "--thread")
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None
