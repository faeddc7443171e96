"""Arithmetic from text, bounded in work and memory: `compute`, `shown`, errors `CannotRead`, `OutOfBounds`.

There is no eval and no syntax tree of Python, so no name, attribute or string can get in. The length of the
text, the depth of nesting and the size of every intermediate number are bounded.
"""

from graphs.arithmetic.notation import CannotRead
from graphs.arithmetic.operations import OutOfBounds, shown
from graphs.arithmetic.reading import compute

__all__ = ["CannotRead", "OutOfBounds", "compute", "shown"]
