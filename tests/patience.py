"""How long a test waits for what must happen: a bound for the case that it never does, whatever the load."""

from typing import Final

PATIENCE_S: Final = 120
