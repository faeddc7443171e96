"""The demo model: scripted, honest about it, and without a key. `DemoChatModel`, `DemoCompletion`, `Pace`.

`plan` is the script as a pure function, for whoever speaks it over another wire.
"""

from graphs.models.demo.chat import DemoChatModel
from graphs.models.demo.completion import DemoCompletion
from graphs.models.demo.pace import Pace
from graphs.models.demo.script import Call, Fail, Part, Say, Think, plan

__all__ = ["Call", "DemoChatModel", "DemoCompletion", "Fail", "Pace", "Part", "Say", "Think", "plan"]
