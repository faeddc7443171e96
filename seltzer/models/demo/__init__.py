"""The demo model: scripted, honest about it, and without a key. `DemoChatModel`, `DemoCompletion`, `Pace`.

`plan` is the script as a pure function, for whoever speaks it over another wire.
"""

from seltzer.models.demo.chat import DemoChatModel
from seltzer.models.demo.completion import DemoCompletion
from seltzer.models.demo.pace import Pace
from seltzer.models.demo.script import Call, Fail, Part, Say, Think, plan

__all__ = ["Call", "DemoChatModel", "DemoCompletion", "Fail", "Pace", "Part", "Say", "Think", "plan"]
