"""What a graph asks withdrawn: its turn ends without an answer."""

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

from seltzer.runs.graph import AnyPregel
from seltzer.runs.ports import Checkpoints
from seltzer.runs.threads.repair.repair import repair
from seltzer.runs.threads.repair.subgraph_memory import repair_subgraphs
from seltzer.runs.threads.state_reading import end_step, read_state


async def write_withdrawal(pregel: AnyPregel, config: RunnableConfig, checkpoints: Checkpoints) -> None:
    """End the turn that waits for an answer, by checkpoints of the run that config's metadata names.

    The turn's work so far is kept; tool calls without a result get an error result.
    """
    _, refused = await read_state(pregel, config)
    await end_step(pregel, config, refused)
    await repair(pregel, config)
    if isinstance(pregel.checkpointer, BaseCheckpointSaver):
        lasting = await checkpoints.lasting_namespaces(config["configurable"]["thread_id"])
        await repair_subgraphs(pregel.checkpointer, config, lasting, has_stopped=True)
