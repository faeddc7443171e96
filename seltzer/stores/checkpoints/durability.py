"""Which writes of a run's state are waited for.

A node must not run before the state it starts from is stored: run again after a crash, the model would answer
differently from what a tool has acted on. Everything else may be stored a moment later, with the next write:

1. the input, and what LangGraph's own first node makes of it: a run that loses them starts again from the
   input in its row (an attached run, whose row has no input, is never retried);
2. what a task wrote: the checkpoint after it is waited for, or is the last one;
3. the last checkpoint, after which no node runs: the run's end is written in the same transaction.

The file's writer does its work in order, so none of these is ever stored without what came before it.
"""

from typing import TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.channels import Topic
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.constants import START
from langgraph.types import Send

from seltzer.runs.execution.fence import FENCE
from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.retention import ROOT

Triggers: TypeAlias = frozenset[str] | None


def triggers_of(pregel: AnyPregel) -> Triggers:
    """Return the channels whose change makes a node run: the nodes' own, and that of what nodes send.

    None if there is no channel of what nodes send: then any write may make a node run.
    """
    sends = [name for name, channel in pregel.channels.items() if _carries_sends(channel)]
    return frozenset((*pregel.trigger_to_nodes, *sends)) if sends else None


def must_wait_for(
    config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, triggers: Triggers
) -> bool:
    """Return whether a node may run after the checkpoint. The fence keeps the input checkpoint's id."""
    configurable = config["configurable"]
    fence = configurable.get(FENCE)
    if fence is None or not run_id_of(config) or configurable["checkpoint_ns"] != ROOT:
        return True
    if metadata.get("source") == "input":
        fence.input_id = checkpoint["id"]
        return False
    follows_input = fence.input_id is not None and fence.input_id == configurable.get("checkpoint_id")
    fence.input_id = None
    return not (follows_input or _is_last(checkpoint, triggers))


def _carries_sends(channel: object) -> bool:
    return isinstance(channel, Topic) and channel.typ is Send


def _is_last(checkpoint: Checkpoint, triggers: Triggers) -> bool:
    """Return whether no node runs after the checkpoint, by what LangGraph itself decides it by."""
    updated = checkpoint.get("updated_channels")
    return bool(updated) and triggers is not None and triggers.isdisjoint(updated or ())


def is_input_write(config: RunnableConfig, task_path: str) -> bool:
    """Return whether LangGraph's own first node wrote; if another did, the fence drops the input's id."""
    fence = config["configurable"][FENCE]
    is_own = fence.input_id is not None and task_path.endswith(f" {START}")
    if not is_own:
        fence.input_id = None
    return is_own


def run_id_of(config: RunnableConfig) -> str:
    """Return the id of the run that writes; empty if no run does."""
    return str((config.get("metadata") or {}).get("run_id", ""))
