"""The files in the data folder, and how ours are recognised."""

from typing import Final

FILE_NAME: Final = "seltzer.db"  # threads, runs, events and states
ITEMS_FILE_NAME: Final = "store.db"  # what graphs store
APPLICATION_ID: Final = 0x53454C54  # "SELT": distinguishes our file from another program's
