"""Plans with todos, has a sub-agent read, keeps its notes in a file, and answers."""

from deepagents import create_deep_agent
from langchain.agents.middleware import TodoListMiddleware

from researcher.model import ScriptedModel

READER = ScriptedModel(
    steps=[
        {"write_file": {"file_path": "/notes.md", "content": "Tides follow the moon."}},
        "I wrote it down for you.",
    ]
)
LEAD = ScriptedModel(
    steps=[
        {
            "write_todos": {
                "todos": [
                    {"content": "read about tides", "status": "in_progress"},
                    {"content": "answer", "status": "pending"},
                ]
            }
        },
        {"task": {"description": "Read about tides.", "subagent_type": "reader"}},
        {"read_file": {"file_path": "/notes.md"}},
        "The moon makes the tides, as my notes say.",
    ]
)

agent = create_deep_agent(
    LEAD,
    system_prompt="You research.",
    middleware=[TodoListMiddleware()],
    subagents=[
        {
            "name": "reader",
            "description": "Reads what there is about a subject.",
            "system_prompt": "You read.",
            "model": READER,
            "tools": [],
        }
    ],
)
