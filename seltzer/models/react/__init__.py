"""Tools for models without tool calling: `ReActJSONChatModel` has them write JSON, and reads that."""

from seltzer.models.react.chat import ReActJSONChatModel
from seltzer.models.react.parser import Action, Answer, Broken, ReActParser

__all__ = ["Action", "Answer", "Broken", "ReActJSONChatModel", "ReActParser"]
