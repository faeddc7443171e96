"""The stored messages of threads' states."""

from collections.abc import Collection, Sequence

from seltzer.runs.event import RunId
from seltzer.runs.execution.fence import LeaseLost
from seltzer.stores.checkpoints.packing import Packed, StoredMessage
from seltzer.stores.postgres.checkpoints import statements
from seltzer.stores.postgres.database import Connection, Database
from seltzer.stores.postgres.queries import Row, fetch_all


class Numbers:
    """The numbers of messages that a value has, which are stored by now.

    doubtful: the digests of those that were stored before, perhaps for a checkpoint that is being deleted.
    """

    def __init__(self) -> None:
        self.by_digest: dict[bytes, int] = {}
        self.doubtful: list[bytes] = []


async def store(
    database: Database, thread_id: str, packed: Sequence[Packed], run_id: RunId, attempt: int
) -> Numbers:
    """Store those of the messages that aren't stored yet; return all their numbers.

    run_id, attempt: whose write it is; nobody's, if empty. Raises LeaseLost if that may not write any more,
    StorageFailed.
    """
    statement = statements.put_messages(is_fenced=bool(run_id))
    of_thread = {"thread_id": thread_id, "fence_run": run_id, "fence_attempt": attempt}
    numbers = Numbers()
    new = {message.digest: message for each in packed for message in each.new}
    while missing := [message for digest, message in new.items() if digest not in numbers.by_digest]:
        given = _columns(missing) | of_thread

        async def work(connection: Connection, given: dict[str, object] = given) -> list[Row]:
            return await fetch_all(connection, statement, given)

        for row in await database.execute(work):
            if row["digest"] is None:
                raise LeaseLost
            numbers.by_digest[row["digest"]] = row["number"]
            if row["was_stored"]:
                numbers.doubtful.append(row["digest"])
    return numbers


async def lock(connection: Connection, thread_id: str, numbers: Numbers) -> bool:
    """Keep the doubtful ones from being deleted in this transaction; return whether all are still there."""
    rows = await fetch_all(connection, statements.LOCK_MESSAGES, (thread_id, numbers.doubtful))
    return {row["digest"]: row["number"] for row in rows} == {
        digest: numbers.by_digest[digest] for digest in numbers.doubtful
    }


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
