"""Which writes of a run's state are waited for.

A node must not run before what it goes on from is stored: repeated after a crash, the model would say
something else than what a tool has acted on. All else may be stored a moment later, with what comes next:

1. the input, and what LangGraph's own first node makes of it: a run that has lost them begins again from the
   input that its row holds (an attached one, whose row has none, is never begun again);
2. what a task wrote: the checkpoint behind it is waited for, or is the last one;
3. the last checkpoint, behind which no node runs: the run's end goes into the same transaction.

The file's writer takes things in turn, so that none of these is ever stored without what came before it.
"""

from typing import TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.constants import START

from seltzer.runs.execution.fence import FENCE
from seltzer.runs.graph import AnyPregel
from seltzer.stores.checkpoints.retention import ROOT

Triggers: TypeAlias = frozenset[str] | None

_SENDS = "__pregel_tasks"  # LangGraph's channel of tasks that a node has sent


def triggers_of(pregel: AnyPregel) -> Triggers:
    """Return the channels whose change makes a node run."""
    return frozenset({*pregel.trigger_to_nodes, _SENDS})


def is_waited_for(
    config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, triggers: Triggers
) -> bool:
    """Tell whether a node may run once the checkpoint is put. Takes note of the input's on the way."""
    configurable = config["configurable"]
    fence = configurable.get(FENCE)
    if fence is None or not run_of(config) or configurable["checkpoint_ns"] != ROOT:
        return True
    if metadata.get("source") == "input":
        fence.input_id = checkpoint["id"]
        return False
    is_behind_input = fence.input_id is not None and fence.input_id == configurable.get("checkpoint_id")
    fence.input_id = None
    return not (is_behind_input or _is_last(checkpoint, triggers))


def _is_last(checkpoint: Checkpoint, triggers: Triggers) -> bool:
    """Tell whether no node runs behind the checkpoint, by what LangGraph itself tells it by."""
    updated = checkpoint.get("updated_channels")
    return bool(updated) and triggers is not None and triggers.isdisjoint(updated or ())


def is_of_the_input(config: RunnableConfig, task_path: str) -> bool:
    """Tell whether it was LangGraph's own first node that wrote; takes note if it was another."""
    fence = config["configurable"][FENCE]
    is_own = fence.input_id is not None and task_path.endswith(f" {START}")
    if not is_own:
        fence.input_id = None
    return is_own


def run_of(config: RunnableConfig) -> str:
    """Return the id of the run that writes, if one does."""
    return str((config.get("metadata") or {}).get("run_id", ""))
