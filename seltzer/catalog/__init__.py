"""langgraph.json -> the graphs there are.

catalog.py         the graphs that can be served, and those that can't
file.py            langgraph.json as it is written
keys.py            its keys that aren't honoured
names.py           a graph's name -> its address
projects.py        the project's folders on the import path
importing.py       files and modules
loading.py         an entry -> a graph
factories.py       functions that make a graph, for each run
server_runtime.py  what such a function may ask for
wrapping.py        any Runnable -> a graph
"""

from seltzer.catalog.catalog import Catalog, empty, load
from seltzer.catalog.file import LangGraphFile, read_file
from seltzer.catalog.names import Address, addresses, slug_of

__all__ = [
    "Address", "Catalog", "LangGraphFile", "addresses", "empty", "load", "read_file", "slug_of",
]  # fmt: skip
