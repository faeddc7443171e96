"""Results of client-run tools that are given again, as the run that they were given to has failed."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage

from seltzer.errors import InvalidInput
from seltzer.runs.engine import Engine
from tests.runs.conftest import Engines
from tests.runs.scenario import run_spec, run_to_end
from tests.runs.threads.input.test_results import asked, result, results, talker
from tests.runs.threads.repair.test_own_reducers import REDUCERS, state_of
from tests.runs.threads.repair.test_repair import RecordingModel, calls, is_valid

pytestmark = pytest.mark.anyio

# The other reducers drop the call: the client's own list is the thread there.
KEEPING = [each for each in REDUCERS if each.__name__ not in ("replace", "cut_to_two")]


def broken() -> Exception:
    return ConnectionError("reset")


async def failed(engine: Engine, *given: Any) -> None:
    """Run to the calls, and give their results to a run that fails."""
    await asked(engine)
    assert (await run_to_end(engine, results(*given)))[-1].kind == "failed"


async def asked_last(engine: Engine, model: RecordingModel, *given: Any) -> list[str]:
    """Give results, and return the texts that the model was asked with."""
    assert (await run_to_end(engine, results(*given, run_id="r3")))[-1].kind == "finished"
    assert is_valid(model.asked[-1])
    return [message.text for message in model.asked[-1]]


@pytest.mark.parametrize(
    "script", [[broken()], ["You are in Be", broken()]], ids=["silent", "amid its answer"]
)
async def test_the_same_input_is_accepted_again(engine_of: Engines, script: Any) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], script, ["You are in Berlin."]])
    engine = await engine_of(talker(model))
    both = result("c0"), result("c1", "noon")
    await failed(engine, *both)

    assert await asked_last(engine, model, *both) == ["where am I?", "", "Berlin", "noon"]

    kept = [message.text for message in await engine.messages("agent", "t")]
    assert kept == ["where am I?", "", "Berlin", "noon", "You are in Berlin."]


async def test_another_result_replaces_the_first_one(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], [broken()], ["Rome it is."]])
    engine = await engine_of(talker(model))
    await failed(engine, result("c0"), result("c1", "noon"))

    assert await asked_last(engine, model, result("c0", "Rome")) == ["where am I?", "", "Rome", "noon"]


async def test_a_result_replaces_the_error_that_a_call_without_one_got(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where", "when")], [broken()], ["Noon in Berlin."]])
    engine = await engine_of(talker(model))
    await failed(engine, result("c0"))

    assert await asked_last(engine, model, result("c1", "noon")) == ["where am I?", "", "Berlin", "noon"]


async def test_a_message_after_the_results_is_another_one_each_time(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where")], ["Be", broken()], ["Berlin."]])
    engine = await engine_of(talker(model))
    await failed(engine, result("c0"), HumanMessage("well?"))

    texts = await asked_last(engine, model, result("c0"), HumanMessage("well?"))

    assert texts == ["where am I?", "", "Berlin", "well?", "Be", "well?"]


async def test_once_there_is_an_answer_no_result_is_accepted_again(engine_of: Engines) -> None:
    model = RecordingModel(scripts=[[calls("where")], [broken()], ["Berlin."]])
    engine = await engine_of(talker(model))
    await failed(engine, result("c0"))
    await asked_last(engine, model, result("c0"))

    with pytest.raises(InvalidInput):
        await engine.start(results(result("c0"), run_id="r4"))


async def test_nor_twice_in_one_input(engine_of: Engines) -> None:
    engine = await engine_of(talker(RecordingModel(scripts=[[calls("where")], [broken()]])))
    await failed(engine, result("c0"))

    with pytest.raises(InvalidInput):
        await engine.start(results(result("c0"), result("c0"), run_id="r3"))


@pytest.mark.parametrize("script", [[broken()], ["Be", broken()]], ids=["silent", "amid its answer"])
@pytest.mark.parametrize("reducer", KEEPING, ids=lambda reducer: reducer.__name__)
async def test_whatever_the_reducer_the_result_is_there_once(
    engine_of: Engines, reducer: Any, script: Any
) -> None:
    model = RecordingModel(scripts=[[calls("where")], script, ["Berlin."]])
    engine = await engine_of(talker(model, state_of(messages=Annotated[list[Any], reducer])))
    await run_to_end(engine, run_spec("where am I?", run_id="r1"))
    await run_to_end(engine, results(result("c0")))

    assert await asked_last(engine, model, result("c0")) == ["where am I?", "", "Berlin"]
