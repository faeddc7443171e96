"""The states that subgraphs keep from turn to turn (`checkpointer=True`), where a thread goes back.

LangGraph keeps one chain of them, whatever branch the graph itself is on. So the state that such a subgraph
had as of the checkpoint gone back to is written again, as its newest.
"""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    empty_checkpoint,
)

from seltzer.runs.ports import Checkpoints
from seltzer.runs.threads.forks import fork
from seltzer.runs.threads.repair.subgraph_memory import repair_subgraphs


async def restore_subgraphs(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, checkpoints: Checkpoints, checkpoint_id: str
) -> None:
    """Make each subgraph's state as of the graph's checkpoint its newest one again.

    It may have been amid its work then, and never continues from there: calls that it had open get a result.
    What is written belongs to the run that config's metadata names.
    """
    thread_id = config["configurable"]["thread_id"]
    for namespace in await checkpoints.lasting_namespaces(thread_id):
        place: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace}}
        newest = await saver.aget_tuple(place)
        then = await _before(saver, place, checkpoint_id)
        if newest is None or (then is not None and then.checkpoint["id"] == newest.checkpoint["id"]):
            continue
        if then is not None:
            await fork(saver, config, then)
            await repair_subgraphs(saver, config, [namespace], has_stopped=True)
        elif newest.checkpoint["channel_versions"]:  # it had none then
            await _put_empty(saver, config, namespace)


async def _before(
    saver: BaseCheckpointSaver[Any], place: RunnableConfig, checkpoint_id: str
) -> CheckpointTuple | None:
    """Return the subgraph's last state that was written before the graph's checkpoint."""
    before: RunnableConfig = {"configurable": {"checkpoint_id": checkpoint_id}}
    return next(iter([each async for each in saver.alist(place, before=before, limit=1)]), None)


async def _put_empty(saver: BaseCheckpointSaver[Any], config: RunnableConfig, namespace: str) -> None:
    checkpoint: Checkpoint = empty_checkpoint()
    metadata: CheckpointMetadata = {"source": "fork", "step": -1, "parents": {}}
    place = {**config["configurable"], "checkpoint_ns": namespace}
    place.pop("checkpoint_id", None)
    await saver.aput({**config, "configurable": place}, checkpoint, metadata, {})
