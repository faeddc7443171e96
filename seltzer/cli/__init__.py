"""The terminal: `seltzer serve`, `chat`, `graphs`, `new`, `doctor`, `migrate`, `backup`, `import`, `export`.

This module is what `--help` shows and nothing else: each command imports what it needs when it runs, so
that help answers at once. It is as long as the help: each option is declared here.

Exit codes: 0, 1 the run or the start failed, 2 usage, 3 no server there, 130 Ctrl-C, 143 SIGTERM.
"""

import gc
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from seltzer import __version__

_commands = typer.Typer(
    name="seltzer",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    result_callback=lambda code, **_: _Ran(code),
)

Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The file that names the graphs (environment: SELTZER_CONFIG; default: langgraph.json).",
    ),
]


# What a command imports and builds to start stays: going through it over and over delays its first answer.
_STARTING_THRESHOLDS: Final = (100_000, 20, 50)

# What a command raises with a message for people: typer's own class in newer versions, click's in older ones.
_CommandError: type[Exception] = typer.BadParameter.__mro__[2]


class _Ran:
    """The exit code of a command that ran, as opposed to one of typer's own for help and usage."""

    def __init__(self, code: int) -> None:
        self.code = code


def main() -> None:
    """Run the terminal on the process's arguments, and exit with the command's code."""
    gc.set_threshold(*_STARTING_THRESHOLDS)
    try:
        ended: Any = _commands(prog_name="seltzer", standalone_mode=False)
        if isinstance(ended, _Ran):
            sys.exit(ended.code)
        code = int(ended or 0)
    except _CommandError as raised:
        error: Any = raised
        print(f"seltzer: {error.format_message()} {_hint(error)}", file=sys.stderr)
        code = error.exit_code
    except typer.Abort:
        sys.exit(130)
    finally:
        gc.freeze()  # the interpreter's last collection would go through all modules, which end anyhow
    _exit_at_once(code)


def _hint(error: Any) -> str:
    """Return what a command is used like, where it was used otherwise."""
    context = getattr(error, "ctx", None)
    if context is None or context.parent is None:
        return "(see seltzer --help)"
    lines = map(str.strip, (context.command.help or "").splitlines())
    examples = [each.removeprefix("Example: ") for each in lines if each.startswith("Example: ")]
    example = f"For example: {examples[0]} " if examples else ""
    return f"{example}(see {context.command_path} --help)"


def _exit_at_once(code: int) -> NoReturn:
    """Exit without tearing the modules down, which takes a good part of --help's time."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _check_port(port: int | None) -> int | None:
    if port is not None and not 0 <= port <= 65535:
        raise typer.BadParameter(f"{port} is not from 0 to 65535")
    return port


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"seltzer {__version__}")
        raise typer.Exit


@_commands.callback(invoke_without_command=True)
def _seltzer(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Serve LangGraph agents and talk to them, token by token."""
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


@_commands.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on (environment: HOST; default: 127.0.0.1)."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            callback=_check_port,
            help="Port to listen on, 0 to 65535; 0: any free (environment: PORT; default: 8000).",
        ),
    ] = None,
    config: Config = None,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE:APP", help="An app composed by hand to serve, such as app.main:app."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse to start if one of the graphs can't be loaded (environment: SELTZER_STRICT).",
        ),
    ] = False,
    no_auth: Annotated[
        bool,
        typer.Option(
            "--no-auth",
            help="Serve openly though langgraph.json declares auth, which isn't honoured (environment: "
            "SELTZER_NO_AUTH).",
        ),
    ] = False,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again whenever a source file changes.")
    ] = False,
) -> int:
    """Serve the graphs that langgraph.json names, or an app that mounts graphs itself.

    A flag overrides the environment, which overrides .env. The folder of threads and runs is SELTZER_DATA
    (default: .seltzer).

    Example: seltzer serve --port 9000 --reload
    """
    from seltzer.cli.configuration import read_settings
    from seltzer.cli.serve.command import run

    if app is not None and (config is not None or strict or no_auth):
        raise typer.BadParameter(
            "an app names its graphs itself: give none of these with --app",
            param_hint="--config, --strict and --no-auth",
        )
    read = partial(
        read_settings, host=host, port=port, config=config, strict=strict or None, no_auth=no_auth or None
    )
    return run(read, app=app, reload=reload)


@_commands.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", hidden=True)],
) -> int:
    """Write a project of your own: an agent, its server and a test.

    NAME is the project's name, and that of its folder, which may be there if it is empty.

    Example: seltzer new my-agent
    """
    from seltzer.cli.new.command import run

    return run(name)


@_commands.command()
def graphs(
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the whole error of a graph that can't be loaded.")
    ] = False,
) -> int:
    """List the graphs: name, input, file and line.

    Example: seltzer graphs --json
    """
    from seltzer.cli.configuration import read_settings
    from seltzer.cli.graphs import run

    return run(read_settings(config=config), as_json=as_json, verbose=verbose)


@_commands.command()
def doctor(
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is found as JSON.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Check the whole of a large SQLite file, however long it takes.")
    ] = False,
) -> int:
    """Check the store, the graphs and the address, and print what to do about what isn't in order.

    The store is the Postgres database of DATABASE_URL, or else the SQLite file in SELTZER_DATA (default:
    .seltzer). A line for each check: ok, warn or fail; exit code 1 if one fails. A running server isn't
    disturbed.

    Example: seltzer doctor
    """
    from seltzer.cli.configuration import read_settings, silence_log
    from seltzer.cli.doctor import run

    silence_log()
    return run(read_settings(config=config), as_json=as_json, is_whole=full)


@_commands.command()
def migrate() -> int:
    """Bring the store's tables up to date, as the start of a server does, too.

    It is the Postgres database of DATABASE_URL, or else the SQLite file in SELTZER_DATA (default: .seltzer).

    Example: seltzer migrate
    """
    from seltzer.cli.configuration import read_settings, silence_log
    from seltzer.cli.migrate import run

    silence_log()
    return run(read_settings())


@_commands.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", hidden=True)],
) -> int:
    """Copy threads, runs and the graphs' store, while a server runs or not.

    FOLDER must not be there yet. It becomes a data folder, the copy of SELTZER_DATA (default: .seltzer): to
    restore it, start a server on it. For a database in DATABASE_URL, the command that copies it is shown
    instead.

    Example: seltzer backup /backups/monday
    """
    from seltzer.cli.backup import run
    from seltzer.cli.configuration import read_settings

    return run(read_settings(), target)


@_commands.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", hidden=True)],
) -> int:
    """Copy a data folder's threads into the Postgres database of DATABASE_URL.

    FOLDER is the SELTZER_DATA of a server that is stopped, or a backup. All of its threads, runs and states,
    and the graphs' store, are copied, or nothing. Servers on the database may run meanwhile.

    Example: seltzer import .seltzer
    """
    from seltzer.cli.configuration import read_settings
    from seltzer.cli.moving import run_import

    return run_import(read_settings(), source)


@_commands.command("export")
def export(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", hidden=True)],
) -> int:
    """Copy the threads in the Postgres database of DATABASE_URL into a data folder.

    FOLDER must not be there yet. A server on it, without DATABASE_URL, continues them. The servers on the
    database must be stopped.

    Example: seltzer export .seltzer
    """
    from seltzer.cli.configuration import read_settings
    from seltzer.cli.moving import run_export

    return run_export(read_settings(), target)


@_commands.command()
def chat(
    question: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION", hidden=True),  # typer would show its type in Python's words
    ] = None,
    graph: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which graph to ask, by name or /path (default: agent, else the first)."
        ),
    ] = None,
    thread: Annotated[
        str | None, typer.Option(metavar="ID", help="The conversation to continue (default: a new one).")
    ] = None,
    reply: Annotated[
        str | None,
        typer.Option(
            "--answer", metavar="TEXT", help="Answer the question that the graph asked on --thread."
        ),
    ] = None,
    follow: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="Show a run from its start, then live.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The server to ask (default: the one on HOST and PORT, else the graphs run in this "
            "process).",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: VALUE'", help="Send a header, such as a key, with every request; repeatable."
        ),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Set a field of the context that the graph declares; VALUE is JSON or text. Repeatable; "
            "a JSON object sets several.",
        ),
    ] = None,
    configurable: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Set what the graph reads from its config's configurable, written like --context.",
        ),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="SEP", help="Print SEP after every token, to see how the answer arrived."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")] = False,
    config: Config = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the log of a run in this process.")
    ] = False,
) -> int:
    """Ask a graph a question, or chat with it.

    Without QUESTION it is read from standard input; on a terminal, a session begins. The answer goes to
    standard output, the steps to standard error. Ctrl-C stops the answer, not the session. A server continues
    a run without a reader: --follow shows it, and Ctrl-C then leaves it running.

    Example: seltzer chat "what is the square root of 71?" --tokens "|"
    """
    from seltzer.cli.chat.command import run
    from seltzer.cli.chat.options import Options
    from seltzer.cli.configuration import read_settings

    options = Options(
        words=tuple(question or ()),
        graph=graph,
        thread=thread,
        reply=reply,
        follow=follow,
        url=url,
        headers=tuple(header or ()),
        context=tuple(context or ()),
        configurable=tuple(configurable or ()),
        separator=tokens,
        as_json=as_json,
        verbose=verbose,
    )
    return run(options, read_settings(config=config))
