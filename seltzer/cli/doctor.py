"""`seltzer doctor`: what is in order, what isn't, and what to do about it."""

import http.client
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from seltzer import __version__
from seltzer.cli.serve.listener import CannotListen, listen, url_of
from seltzer.errors import AppError, LoadError
from seltzer.settings import Settings
from seltzer.stores.choice import check_driver, choose
from seltzer.stores.finding import Finding, fail, ok, warn

ANSWER_S: Final = 2.0  # how long the server on our port may take


def run(settings: Settings, *, as_json: bool, is_whole: bool = False) -> int:
    """Print what is found, each as it is found, or all as JSON. Returns 1 if something fails.

    is_whole: check the whole of a SQLite file, however long that takes.
    """
    found = list[Finding]()
    for each in _findings(settings, is_whole):
        found.append(each)
        if not as_json:
            print(_line(each), flush=True)
    counts = Counter(each.level for each in found)
    if as_json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
    else:
        print(f"{counts['ok']} ok, {counts['warn']} to know of, {counts['fail']} to fix")
    return 1 if counts["fail"] else 0


def _line(finding: Finding) -> str:
    todo = f": {finding.todo}" if finding.todo else ""
    text = " ".join(f"{finding.text}{todo}".split())
    return f"{finding.level:<5} {finding.check:<12} {text}"


def _findings(settings: Settings, is_whole: bool) -> Iterator[Finding]:
    yield ok("seltzer", f"{__version__}, Python {platform.python_version()}")
    yield _port(settings)
    yield from _store(settings, is_whole)
    yield from _graphs(settings)


def _store(settings: Settings, is_whole: bool) -> Iterable[Finding]:
    """Return what is found of the store that the settings choose."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    try:
        choice = choose(url, settings.store)
        if choice.kind == "postgres":
            check_driver()
    except LoadError as error:
        yield fail("store", f"{error.what}: {error.why}", error.todo)
        return
    if choice.kind == "sqlite":
        from seltzer.stores.sqlite.maintenance.inspection import inspect as inspect_folder

        yield ok("store", choice.notice or f"SQLite in {settings.data}")
        yield from inspect_folder(settings.data, is_whole=is_whole)
        return
    from seltzer.stores.postgres.inspection.inspection import inspect as inspect_database

    yield ok("store", "Postgres")
    direct = settings.database_direct_url
    yield from inspect_database(
        url, direct.get_secret_value() if direct else None, pool=settings.database_pool
    )


def _port(settings: Settings) -> Finding:
    """Return whether the address can be listened on, or a Seltzer listens there already."""
    url = url_of(settings.host, settings.port)
    try:
        listen(settings.host, settings.port).close()
    except CannotListen as error:
        if settings.port and _is_seltzer(url):
            return ok("address", f"a Seltzer answers at {url}")
        what, _, todo = str(error).partition(": ")
        return fail("address", what, todo)
    return ok("address", f"{url} is free")


def _is_seltzer(url: str) -> bool:
    address = urlsplit(url)
    try:
        with closing(
            http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_S)
        ) as asked:
            asked.request("GET", "/health")
            answer = json.loads(asked.getresponse().read(1000))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(answer, dict) and answer.get("status") == "🤙"


def _graphs(settings: Settings) -> Iterator[Finding]:
    """Load the graphs, as a server does."""
    if not settings.config.exists() and settings.config == Path("langgraph.json"):
        yield warn(
            "graphs",
            "there is no langgraph.json here",
            "run this in the project's folder; an app that mounts its graphs itself needs none",
        )
        return
    import asyncio

    from seltzer.main import load_graphs

    try:
        with redirect_stdout(sys.stderr):  # what people's modules print is no part of ours
            catalog = load_graphs(settings)
            asyncio.run(catalog.open())
    except LoadError as error:
        yield fail("graphs", f"{error.what}: {error.why}", error.todo)
        return
    except AppError as error:
        yield fail("graphs", str(error), "seltzer graphs --verbose shows more")
        return
    yield ok("graphs", f"{', '.join(catalog.graphs) or 'none'} loaded from {settings.config}")
    for each in catalog.broken.values():
        yield warn("graphs", f"{each.name} can't be loaded: {each.reason.why}", each.reason.todo)
