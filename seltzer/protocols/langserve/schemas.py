"""The models of inputs and outputs, as LangServe needs them."""

import itertools
from typing import Annotated, Any, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, BeforeValidator, Field, GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic.v1 import BaseModel as BaseModelV1
from pydantic_core import CoreSchema

from seltzer.protocols.http.bodies.messages import InputLimits, is_message, parse_input, prompt_text

_NUMBERS: Final = itertools.count(1)  # of models
_UNBOUNDED: Final = InputLimits(messages=1 << 31, message_bytes=1 << 62, attachment_bytes=1 << 62)


def _to_messages(value: Any) -> list[BaseMessage]:
    return parse_input(value, "messages", _UNBOUNDED)


_Message = Annotated[HumanMessage | AIMessage | SystemMessage | ToolMessage, Field(discriminator="type")]


class ChatInput(BaseModel):
    """A conversation: messages in any of LangChain's spellings, or one string."""

    messages: Annotated[list[_Message], BeforeValidator(_to_messages)] = Field(
        description="The conversation so far, oldest first; with a thread_id, what is new in it.",
        json_schema_extra={"extra": {"widget": {"type": "chat", "input": "messages"}}},
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        value = prompt_text(value)
        is_bare = isinstance(value, str | list) or is_message(value)
        return {"messages": value} if is_bare else value


def unique_model(model: type[BaseModel]) -> type[BaseModel]:
    """Return a RootModel under a class name of its own, with the same schema; any other model as it is.

    Of two models of one name LangServe renames the second, and makes a RootModel an object with a `root`.
    """
    if RootModel not in model.__bases__:
        return model
    title = model.model_config.get("title") or model.__name__
    fields = {
        "__annotations__": {"root": model.model_fields["root"].annotation},
        "__module__": __name__,
        "model_config": {"title": title},
    }
    return type(f"{model.__name__}{next(_NUMBERS)}", (RootModel,), fields)


def unchecked_model(model: type[BaseModel]) -> type[BaseModel]:
    """Return a model that accepts anything, with the same JSON schema.

    LangServe answers 500 to what a model refuses: an input, which request.py has checked as far as a state's
    keys are to be; an output that isn't of the type that its graph declares, which LangGraph doesn't mind.
    """

    def describe(kind: object, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler.resolve_ref_schema(handler(model.__pydantic_core_schema__))

    fields = {
        "__annotations__": {"root": Any},
        "__get_pydantic_json_schema__": classmethod(describe),
        "__module__": __name__,
    }
    return type(f"{model.__name__}{next(_NUMBERS)}", (RootModel,), fields)


def as_v2(schema: type[BaseModel] | type[BaseModelV1]) -> type[BaseModel]:
    """Narrow a schema's type: LangChain still names pydantic 1 in it, which it doesn't make any more."""
    if not issubclass(schema, BaseModel):
        raise TypeError(f"{schema.__name__} is a model of pydantic 1")
    return schema
