"""What the attempts of a process share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from seltzer.runs.execution.driver.graph_stream import Drive
from seltzer.runs.execution.limits import RunLimits
from seltzer.runs.execution.translation.answer_shape import AnswerShapes
from seltzer.runs.observer import Observers
from seltzer.runs.ports import Stores
from seltzer.runs.streaming.flusher import Flusher


@dataclass(frozen=True, slots=True)
class Resources:
    """Where attempts write, how they run a graph, and how long they may take. clock counts seconds."""

    stores: Stores
    flusher: Flusher
    drive: Drive
    limits: RunLimits
    clock: Callable[[], float]
    observers: Observers
    shapes: AnswerShapes = field(default_factory=AnswerShapes)
