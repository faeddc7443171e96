"""Tools for models without tool calling: `ReActJSONChatModel` has them write JSON, and reads that."""

from graphs.models.react.chat import ReActJSONChatModel
from graphs.models.react.parser import Action, Answer, Broken, ReActParser

__all__ = ["Action", "Answer", "Broken", "ReActJSONChatModel", "ReActParser"]
