"""Marks the messages of models that run inside tools, at any depth: they are never the answer.

A ToolNode's tools are recognized by their node. A tool that a node calls by itself isn't: only LangChain's
callbacks show that a model was called below it.
"""

from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

IN_TOOL: Final = "seltzer_in_tool"  # in the metadata of a model's messages


class ToolRuns(BaseCallbackHandler):
    """Follows the runs below tools. Isn't called for tokens."""

    run_inline = True  # before the model runs
    ignore_llm = True

    def __init__(self) -> None:
        self._inside: set[UUID | None] = set()

    def on_tool_start(self, *args: Any, run_id: UUID, **kwargs: Any) -> None:
        self._inside.add(run_id)

    def on_chain_start(
        self, *args: Any, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        if parent_run_id in self._inside:
            self._inside.add(run_id)

    def on_chat_model_start(
        self,
        *args: Any,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # LangChain makes these metadata for this call, and LangGraph passes the same object on.
        if parent_run_id in self._inside and metadata is not None:
            metadata[IN_TOOL] = True
