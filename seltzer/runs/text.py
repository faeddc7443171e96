"""Which text can be stored: one rule for every store, whatever a single one would accept."""

import re
from typing import Final

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # NUL, and surrogates without their other half
