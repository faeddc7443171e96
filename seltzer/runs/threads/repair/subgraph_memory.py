"""The conversations that subgraphs keep from turn to turn, apart from their graph's: `checkpointer=True`.

A subgraph may be called anywhere, by a node or within a tool, so that LangGraph can't name it when it doesn't
run. Its state is repaired without it: by a checkpoint after its newest one.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    CheckpointMetadata,
    CheckpointTuple,
    copy_checkpoint,
)
from langgraph.checkpoint.base.id import uuid6

from seltzer.runs.messages.spellings import read_message
from seltzer.runs.threads.pending_nodes import pending_nodes
from seltzer.runs.threads.repair.open_calls import is_conversation, open_calls, unanswered_calls


async def repair_subgraphs(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, namespaces: Sequence[str], *, has_stopped: bool
) -> None:
    """Add a result for each call in the subgraphs' conversations that has none.

    What finished tools had written is kept. has_stopped: the run was cancelled or has failed; of one that has
    finished, only those subgraphs are repaired which were left amid their work, by an error that the graph
    caught. The checkpoints belong to the run that config's metadata names.
    """
    for namespace in namespaces:
        place = {**config["configurable"], "checkpoint_ns": namespace}
        found = await saver.aget_tuple({**config, "configurable": place})
        if found is None or not (has_stopped or pending_nodes(found)):
            continue
        lists = {name: value for name, value in found.checkpoint["channel_values"].items() if _is_open(value)}
        if lists:
            place["checkpoint_id"] = found.checkpoint["id"]
            await _put(saver, {**config, "configurable": place}, found, lists)


def _is_open(value: Any) -> bool:
    return is_conversation(value) and bool(open_calls(value))


async def _put(
    saver: BaseCheckpointSaver[Any],
    config: RunnableConfig,
    found: CheckpointTuple,
    lists: dict[str, list[Any]],
) -> None:
    checkpoint, step = copy_checkpoint(found.checkpoint), found.metadata.get("step", -1) + 1
    checkpoint["id"] = str(uuid6(clock_seq=step))
    versions = {}
    for name, messages in lists.items():
        with_results = [*messages, *written_results(found, name, messages)]
        checkpoint["channel_values"][name] = [*with_results, *unanswered_calls(with_results)]
        versions[name] = saver.get_next_version(max(checkpoint["channel_versions"].values()), None)
    checkpoint["channel_versions"].update(versions)
    checkpoint["updated_channels"] = sorted(versions)
    metadata: CheckpointMetadata = {
        "source": "update",
        "step": step,
        "parents": found.metadata.get("parents", {}),
    }
    await saver.aput(config, checkpoint, metadata, versions)


def written_results(found: CheckpointTuple, name: str, messages: Sequence[Any]) -> list[Any]:
    """Return the results that the step's finished nodes have written for the open calls."""
    awaited = {call["id"] for call in open_calls(messages)}
    written = []
    for _, channel, value in found.pending_writes or ():
        for each in value if isinstance(value, list) else [value]:
            message = read_message(each) if channel == name else None
            if isinstance(message, ToolMessage) and message.tool_call_id in awaited:
                awaited.discard(message.tool_call_id)
                written.append(each)
    return written
