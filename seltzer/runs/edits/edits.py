"""The edits of a thread between its runs, and which of them are refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from seltzer.errors import IdempotencyConflict, ThreadInterrupted
from seltzer.runs.edits.edit_runs import EditRuns, edit_result
from seltzer.runs.edits.updates import StateUpdate, check_turn, check_update, write_update
from seltzer.runs.edits.withdrawals import write_withdrawal
from seltzer.runs.event import RunId
from seltzer.runs.execution.reservations import Reservation
from seltzer.runs.graph import AnyPregel
from seltzer.runs.ids import new_id
from seltzer.runs.ports import Stores
from seltzer.runs.run import Run, RunSpec
from seltzer.runs.thread import Thread
from seltzer.runs.threads.conversations import Conversations
from seltzer.runs.threads.excerpts import WHOLE, Extent
from seltzer.runs.threads.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class EditId:
    """What identifies an edit that may be requested again: the id of its run, and a digest of its body."""

    run_id: RunId
    digest: str = ""


class Edits:
    """Edits the threads of the graphs that are served. An edit takes timeout_s at most."""

    def __init__(
        self,
        stores: Stores,
        pregels: Mapping[str, AnyPregel],
        threads: Conversations,
        reserve: Callable[[RunSpec], Awaitable[Reservation]],
        timeout_s: float,
    ) -> None:
        self._stores = stores
        self._pregels = pregels
        self._threads = threads
        self._runs = EditRuns(stores, pregels, reserve, timeout_s)

    async def update(
        self,
        graph: str,
        thread_id: str,
        update: StateUpdate,
        edit_id: EditId | None = None,
        *,
        extent: Extent = WHOLE,
    ) -> Snapshot:
        """Update the thread's state, and return as much of it as the extent allows.

        The checkpoint belongs to the thread's newest run: it is rolled back with it. Raises UnknownThread,
        UnknownCheckpoint, ThreadBusy, ThreadInterrupted while the graph waits for an answer, TooManyRuns,
        InvalidInput naming `as_node`, `values` or `from_message`, RunFailed if it takes too long or is
        cancelled.
        """
        thread = await self._threads.get(graph, thread_id)
        await self._threads.message_ids(graph, thread_id, update.checkpoint_id)  # raises UnknownCheckpoint
        pregel = self._pregels[graph]
        check_update(pregel, update)
        if (message_id := update.from_message) is not None:
            check_turn(await self._threads.turn_of(graph, thread_id, message_id))

        async def write(config: RunnableConfig) -> None:
            await write_update(pregel, config, self._stores.checkpoints, update)

        spec = _update_spec(graph, thread, update.checkpoint_id, edit_id or EditId(new_id()))
        run = await self._runs.make(spec, write, newest=thread.run)
        return await self._threads.state(graph, thread_id, run.output["checkpoint_id"], extent=extent)

    async def withdraw(self, run: Run, edit_id: EditId | None = None) -> Run:
        """Withdraw what the run has asked, and return the run that has done so: `cancelled`.

        The turn's work so far is kept; tool calls without a result get an error result. Raises NotInterrupted
        if it has been answered or withdrawn, ThreadBusy, TooManyRuns, and RunFailed as update() does.
        """
        asked, own = run.spec, edit_id or EditId(new_id())
        pregel = self._pregels[asked.graph]

        async def write(config: RunnableConfig) -> None:
            await write_withdrawal(pregel, config, self._stores.checkpoints)

        spec = RunSpec(
            asked.graph,
            None,
            asked.thread_id,
            own.run_id,
            attached=True,
            answers={},
            answered=asked.run_id,
            is_edit=True,
            digest=own.digest,
            owner=asked.owner,
        )
        return await self._runs.make(spec, write, withdrawn=asked.run_id)

    async def repeated(self, edit_id: EditId) -> Run | None:
        """Return the edit that was requested under this id before, once it is made; None if there is none.

        Raises IdempotencyConflict, RunDeleted, ThreadBusy while another process makes it, and RunFailed if it
        was refused or cancelled.
        """
        await self._runs.wait(edit_id.run_id)
        run = await self._stores.runs.get(edit_id.run_id)
        if run is None:
            await self._stores.runs.check_not_deleted(edit_id.run_id)
            return None
        if run.spec.digest != edit_id.digest:
            raise IdempotencyConflict(f"run {edit_id.run_id!r} was started before, with another body")
        return edit_result(run)

    async def aclose(self) -> None:
        """Cancel the edits that are being made, and wait until they have ended."""
        await self._runs.aclose()


def _update_spec(graph: str, thread: Thread, checkpoint_id: str | None, own: EditId) -> RunSpec:
    """Return a run that reserves the thread, and keeps the checkpoint until it has ended.

    Raises ThreadInterrupted if what the graph asks would be lost. At a breakpoint it asks nothing: there a
    state is updated before its run is resumed.
    """
    run = thread.run
    is_paused = run is not None and run.status == "interrupted"
    if run is not None and is_paused and run.last is not None and run.last.data["interrupts"]:
        raise ThreadInterrupted(
            f"thread {thread.thread_id!r} waits for the answer to an interrupt; answer it, or withdraw it"
        )
    return RunSpec(
        graph,
        None,
        thread.thread_id,
        own.run_id,
        attached=True,
        answers={} if is_paused else None,
        answered=run.spec.run_id if run is not None and is_paused else None,
        checkpoint_id=checkpoint_id,
        is_edit=True,
        digest=own.digest,
        owner=thread.owner,
    )
