"""The vectors of a batch's texts, made before it has a connection: an embedding model may take its time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from langchain_core.embeddings import Embeddings
from langgraph.store.base import Op, PutOp, SearchOp, get_text_at_path, tokenize_path

from seltzer.errors import RunFailed
from seltzer.stores.options import IndexOptions

Vector = list[float]
_WHOLE: Final = "$"

_made: ContextVar[dict[str, Vector]] = ContextVar("vectors")


class Vectors(Embeddings):
    """Embeddings that know what was made in advance; the model is asked for the others, and in vain else."""

    def __init__(self, model: Embeddings, index: IndexOptions) -> None:
        self._model = model
        self._index = index

    async def of(self, ops: Sequence[Op]) -> dict[str, Vector]:
        """Return the vectors that the operations need, by their texts. Raises what the model does."""
        texts = list(dict.fromkeys(text for op in ops for text in self._texts(op)))
        return dict(zip(texts, await self._embed(texts), strict=True)) if texts else {}

    async def aembed_documents(self, texts: list[str]) -> list[Vector]:
        made = _made.get({})
        missing = [each for each in texts if each not in made]
        more = dict(zip(missing, await self._embed(missing), strict=True)) if missing else {}
        return [made[each] if each in made else more[each] for each in texts]

    async def aembed_query(self, text: str) -> Vector:
        return (await self.aembed_documents([text]))[0]

    def embed_documents(self, texts: list[str]) -> list[Vector]:
        return self._model.embed_documents(texts)

    def embed_query(self, text: str) -> Vector:
        return self._model.embed_query(text)

    async def _embed(self, texts: list[str]) -> list[Vector]:
        vectors = [[float(each) for each in vector] for vector in await self._model.aembed_documents(texts)]
        for each in vectors:
            if len(each) != self._index.dims:
                raise RunFailed(
                    "graph_error",
                    f"The graph's store can't be used like this: store.index.dims in langgraph.json is"
                    f" {self._index.dims}, and its embedding model makes vectors of {len(each)}.",
                )
        return vectors

    def _texts(self, op: Op) -> Iterator[str]:
        if isinstance(op, SearchOp) and op.query:
            yield op.query
        if isinstance(op, PutOp) and op.value is not None and op.index is not False:
            for path in self._index.fields if op.index is None else op.index:
                yield from get_text_at_path(op.value, path if path == _WHOLE else tokenize_path(path))


@contextmanager
def made(vectors: dict[str, Vector]) -> Iterator[None]:
    """Have them found in the block."""
    token = _made.set(vectors)
    try:
        yield
    finally:
        _made.reset(token)
