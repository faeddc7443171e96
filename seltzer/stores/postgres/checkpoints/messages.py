"""The stored messages of threads' states."""

from collections.abc import Collection, Sequence

from seltzer.runs.event import RunId
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.checkpoints.packing import Packed, StoredMessage
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.connections.database import Connection, Database
from seltzer.stores.postgres.connections.queries import Row, fetch_all


async def store(
    database: Database, thread_id: str, packed: Sequence[Packed], run_id: RunId, attempt: int
) -> dict[bytes, int]:
    """Store those of the messages that aren't stored yet; return the numbers of all by their digests.

    Until a statement that refers to them has found them, they may be lost again, and their numbers given to
    others: by a crash of the database, or with a checkpoint that is being deleted.
    run_id, attempt: whose write it is; nobody's, if empty. Raises LeaseLost if that may not write any more,
    StorageFailed.
    """
    statement = statements.put_messages(is_fenced=bool(run_id))
    of_thread = {"thread_id": thread_id, "fence_run": run_id, "fence_attempt": attempt}
    numbers: dict[bytes, int] = {}
    new = {message.digest: message for each in packed for message in each.new}
    while missing := [message for digest, message in new.items() if digest not in numbers]:
        given = _columns(missing) | of_thread

        async def work(connection: Connection, given: dict[str, object] = given) -> list[Row]:
            return await fetch_all(connection, statement, given)

        for row in await database.execute(work):
            if row["digest"] is None:
                raise LeaseLost
            numbers[row["digest"]] = row["number"]
    return numbers


async def fetch(
    connection: Connection, thread_id: str, numbers: Collection[int]
) -> dict[int, tuple[str, bytes]]:
    """Read the stored form of those of the messages that are stored."""
    rows = await fetch_all(connection, statements.GET_MESSAGES, (thread_id, [*numbers]))
    return {row["number"]: (row["type"], row["blob"]) for row in rows}


def _columns(messages: Sequence[StoredMessage]) -> dict[str, object]:
    return {
        "digests": [each.digest for each in messages],
        "types": [each.kind for each in messages],
        "blobs": [each.blob for each in messages],
    }
