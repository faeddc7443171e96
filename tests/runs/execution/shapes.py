"""The graphs of answers.py and agents.py, with what clients see of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, ChatMessage

from seltzer.runs.graph import AnyPregel
from tests.runs.execution import agents
from tests.runs.execution import answers as a

ANSWER = "The answer is here."


@dataclass(frozen=True)
class Shape:
    """A graph, what a text stream shows of it, and whether it is live there."""

    make: Callable[[a.World], AnyPregel]
    is_live: bool = True
    shown: tuple[str, ...] = (ANSWER,)


LIVE = {
    "a model": Shape(a.simple),
    "an agent": Shape(a.tool_loop),
    "an agent with a preamble": Shape(a.preamble, shown=("Let me see.", ANSWER)),
    "rag with a grader": Shape(a.rag_with_grader),
    "rag with a grader in an edge": Shape(a.grader_in_an_edge),
    "a router": Shape(a.router),
    "a router with a parser": Shape(a.router_with_parser),
    "a router by command": Shape(a.router_by_command),
    "plan and execute": Shape(a.plan_and_execute),
    "a swarm": Shape(a.swarm),
    "a summary by chance": Shape(a.summary_by_chance),
    "a sub-agent in a tool": Shape(a.sub_agent_in_a_tool),
    "a sub-agent in a sync tool": Shape(a.sub_agent_in_a_sync_tool),
    "a hand-made tool node": Shape(a.hand_made_tool_node),
    "a sub-agent as a node": Shape(a.sub_agent_as_a_node),
    "rewrapped by the node that calls the model": Shape(a.rewrapped_directly),
    "a model beside a quiet one": Shape(a.one_beside_a_quiet_one),
    "a quiet model": Shape(a.quiet),
    "reflection": Shape(a.reflection, shown=("A draft.", ANSWER)),
    "functions": Shape(a.functional),
    "functions on a list of messages": Shape(a.functional_on_a_list),
    "functions to a message": Shape(a.functional_to_a_message),
    "functions to a text": Shape(a.functional_to_text),
    "a list as state": Shape(a.list_as_state),
    "a preamble that is repeated": Shape(a.preamble_that_repeats, shown=(ANSWER, ANSWER)),
    "a retry": Shape(a.retried),
    "a fallback": Shape(a.fallback),
    "a model in middleware before": Shape(a.model_before),
    "a model in middleware after": Shape(a.model_after),
    "create_agent": Shape(agents.with_tools),
    "create_agent as a node": Shape(agents.agent_as_a_node),
    "create_agent with summaries": Shape(agents.with_summarization),
    "create_agent with a judge": Shape(agents.with_a_judge),
    "create_agent with a sub-agent": Shape(agents.with_a_sub_agent),
    "create_agent with a sync sub-agent": Shape(agents.with_a_sync_sub_agent),
    "with_retry": Shape(agents.with_retries),
    "structured output by a tool": Shape(agents.with_structured_output(agents.sorting_by_a_tool)),
    "structured output by text": Shape(agents.with_structured_output(agents.sorting_by_text)),
}
HELD = {
    "a supervisor": Shape(a.supervisor),
    "map and reduce": Shape(a.map_reduce),
    "a title beside the answer": Shape(a.parallel_title),
    "a guard beside the answer": Shape(a.guard),
    "a summary after the answer": Shape(a.summary_after),
    "rewrapped": Shape(a.rewrapped(str)),
    "rewrapped and stripped": Shape(a.rewrapped(str.strip)),
    "rewrapped with a prefix": Shape(a.rewrapped("Expert: {}".format), shown=(f"Expert: {ANSWER}",)),
    "two calls at once": Shape(a.two_at_once),
    "two calls in a node": Shape(a.two_calls_in_a_node, shown=("technical", ANSWER)),
    "functions with tasks": Shape(a.functional_with_tasks),
    "a draft and its polish": Shape(a.draft_and_polish),
    "create_agent in a node, then an answer": Shape(agents.agents_in_nodes),
}
AT_ONCE = {
    "a quiet model's answer": Shape(a.quiet_answer),
    "a pair": Shape(a.returned([("ai", ANSWER)])),
    "a bare pair": Shape(a.returned(("ai", ANSWER))),
    "a dict": Shape(a.returned({"role": "assistant", "content": ANSWER})),
    "a bare message": Shape(a.returned(AIMessage(ANSWER))),
    "a ChatMessage": Shape(a.returned(ChatMessage(content=ANSWER, role="assistant"))),
    "an answer in place of the question": Shape(a.replaces_the_question),
    "a plain string": Shape(a.returned(ANSWER)),
    "a plain string in a list": Shape(a.returned([ANSWER])),
    "a typed dict": Shape(a.returned([{"type": "ai", "content": ANSWER}])),
    "a cached node": Shape(a.cached),
    "structured by a tool": Shape(a.structured_by_tool, shown=('{"name": "Ada"}',)),
    "structured by its text": Shape(a.structured_by_text, shown=('{"name":"Ada"}',)),
    "a network of agents": Shape(a.network),
    "a tool that returns directly": Shape(a.returned_directly),
    "create_agent with ToolStrategy": Shape(agents.with_tool_strategy, shown=('{"name": "Ada"}',)),
    "create_agent with ProviderStrategy": Shape(agents.with_provider_strategy, shown=('{"name": "Ada"}',)),
    "create_agent with a direct tool": Shape(agents.with_a_direct_tool, shown=("Let me look.", ANSWER)),
}
SHAPES = {
    **LIVE,
    **{name: replace(shape, is_live=False) for name, shape in {**HELD, **AT_ONCE}.items()},
    "structured first": Shape(a.structured_first, is_live=False, shown=('{"name": "Ada"}',)),
    "structured afterwards": Shape(a.structured_afterwards, is_live=False, shown=('{"name": "Ada"}',)),
}
