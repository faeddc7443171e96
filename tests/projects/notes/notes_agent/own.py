from counting import make
from langgraph.store.memory import InMemoryStore

store = InMemoryStore()
graph = make(store).compile(store=store)
