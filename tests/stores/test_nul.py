"""NUL wherever a store is given text: the same in each, though Postgres has no such character."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seltzer.cursor import START
from seltzer.errors import StateNotStorable
from seltzer.runs.event import Event
from seltzer.runs.thread import NewThread, ThreadSearch, ThreadStorage
from tests.stores.conformance_fences import config_of, put
from tests.stores.conformance_runs import end, leased, submit
from tests.stores.conversing import agent
from tests.stores.opened import Opened

pytestmark = pytest.mark.anyio

NUL = "a\x00b"
REPLACED = "a\ufffdb"

Ask = Callable[[Opened], Awaitable[Any]]
NOTHING: dict[str, tuple[Ask, Any]] = {
    "a run": (lambda opened: opened.runs.get(NUL), None),
    "an owner's run": (lambda opened: opened.runs.get("r", owner=NUL), None),
    "a run to stop": (lambda opened: opened.runs.stop(NUL, "cancel"), None),
    "runs' statuses": (lambda opened: opened.runs.statuses([NUL]), {}),
    "a deleted run": (lambda opened: opened.runs.check_not_deleted(NUL), None),
    "a log": (lambda opened: opened.event_log.read({NUL: START}), {}),
    "a log to append to": (
        lambda opened: opened.event_log.append({NUL: [Event(1, 1, "token", {})]}),
        {NUL},
    ),
    "a thread": (lambda opened: opened.threads.get(NUL), None),
    "an owner's thread": (lambda opened: opened.threads.get("t", owner=NUL), None),
    "a thread's runs": (lambda opened: opened.threads.has_run(NUL, NUL), False),
    "a thread's questions": (lambda opened: opened.threads.interrupted(NUL), []),
    "a graph's threads": (lambda opened: opened.threads.list(NUL, query="", limit=9, before=None), []),
    "titles": (lambda opened: opened.threads.list("agent", query=NUL, limit=9, before=None), []),
    "ids": (lambda opened: opened.threads.search(ThreadSearch(thread_ids=[NUL])), []),
    "metadata": (lambda opened: opened.threads.search(ThreadSearch(metadata={"a": [NUL]})), []),
    "a key of metadata": (lambda opened: opened.threads.search(ThreadSearch(metadata={NUL: 1})), []),
    "a count": (lambda opened: opened.threads.count(ThreadSearch(graph=NUL)), 0),
    "a thread to rename": (lambda opened: opened.threads.rename(NUL, "new"), None),
    "a thread to describe": (lambda opened: opened.threads.add_metadata(NUL, {"a": 1}), None),
    "a thread's size": (lambda opened: opened.threads.storage(NUL), ThreadStorage()),
    "a thread to delete": (lambda opened: opened.threads.delete(NUL), False),
    "states": (lambda opened: opened.checkpoints.tree(NUL), []),
    "states to prune": (lambda opened: opened.checkpoints.prune(NUL), None),
    "states to roll back": (lambda opened: opened.checkpoints.roll_back("t", [NUL]), None),
    "states to reassign": (lambda opened: opened.checkpoints.reassign("t", NUL, NUL), None),
    "subgraphs": (lambda opened: opened.checkpoints.lasting_namespaces(NUL), []),
    "a checkpoint": (lambda opened: checkpoint(opened, checkpoint_id=NUL), None),
    "a namespace": (lambda opened: checkpoint(opened, checkpoint_ns=NUL), None),
}


async def checkpoint(opened: Opened, **place: str) -> Any:
    where: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", **place}}
    return await opened.checkpoints.saver_for(agent()).aget_tuple(where)


@pytest.mark.parametrize("asked", NOTHING)
async def test_what_is_asked_for_by_it_is_not_found(opened: Opened, asked: str) -> None:
    ask, nothing = NOTHING[asked]
    await opened.threads.create(NewThread("t", graph="agent", title="ab", metadata={"a": ["ab"]}))
    await submit(opened.runs)

    assert await ask(opened) == nothing


async def test_in_a_threads_title_and_metadata_it_is_replaced(opened: Opened) -> None:
    await opened.threads.create(NewThread("t", title=NUL, metadata={"a": NUL, NUL: [{NUL: NUL}]}))
    await submit(opened.runs, "r2", "t2", title=NUL)

    created, begun = await opened.threads.get("t"), await opened.threads.get("t2")
    assert created is not None
    assert begun is not None
    assert created.title == begun.title == REPLACED
    assert created.metadata == {"a": REPLACED, REPLACED: [{REPLACED: REPLACED}]}

    await opened.threads.rename("t", f"new{NUL}")
    changed = await opened.threads.add_metadata("t", {"a": [NUL]})
    assert changed is not None
    assert (changed.title, changed.metadata["a"]) == (f"new{REPLACED}", [REPLACED])
    found = await opened.threads.search(ThreadSearch(metadata={"a": [NUL]}))
    assert [each.thread_id for each in found] == ["t"]


async def test_in_what_a_run_emits_and_returns_it_is_kept(opened: Opened) -> None:
    emitted = Event(1, 1, "tool_call", {"args": {NUL: [NUL]}, "text": "\\x00 \\u0000"})
    lease = await leased(opened.runs, configurable={NUL: NUL}, context={NUL: NUL})
    await opened.event_log.append({"r": [emitted]})
    last = await end(opened.runs, lease, seq=2, output={NUL: NUL})

    run = await opened.runs.get("r")
    assert run is not None
    assert (run.output, run.spec.configurable, run.spec.context) == ({NUL: NUL},) * 3
    assert (await opened.event_log.read({"r": START}))["r"] == [emitted, last]


async def test_a_channel_that_has_it_in_its_name_is_refused(opened: Opened) -> None:
    saver, lease = opened.checkpoints.saver_for(agent()), await leased(opened.runs)
    stored = await put(saver, config_of(lease), NUL)
    where = config_of(lease, checkpoint_id=stored["configurable"]["checkpoint_id"])

    await saver.aput_writes(where, [("messages", NUL)], "task", "path")
    with pytest.raises(StateNotStorable, match="NUL in its name"):
        await saver.aput_writes(where, [(NUL, "x")], "task", "path")
