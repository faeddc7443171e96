"""The demo model: scripted, honest about it, and without a key. `DemoChatModel`, `DemoCompletion`, `Pace`.

`plan` is the script as a pure function, for other transports of the same script.
"""

from seltzer.models.demo.chat import DemoChatModel
from seltzer.models.demo.completion import DemoCompletion
from seltzer.models.demo.pace import Pace
from seltzer.models.demo.script import Call, Fail, Part, Text, Thought, plan

__all__ = ["Call", "DemoChatModel", "DemoCompletion", "Fail", "Pace", "Part", "Text", "Thought", "plan"]
