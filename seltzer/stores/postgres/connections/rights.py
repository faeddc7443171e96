"""What the user of a database may do there, and what of that a process lacks."""

from dataclasses import dataclass
from typing import Any, Final

# Names are quoted as a GRANT needs them. Of sequences only those matter that no column owns.
LOOK: Final = """
SELECT quote_ident(current_user) AS who, quote_ident(current_database()) AS database,
    to_regnamespace('seltzer') IS NOT NULL AS is_there,
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    coalesce(has_schema_privilege(to_regnamespace('seltzer')::oid, 'USAGE'), false) AS may_use,
    coalesce(has_schema_privilege(to_regnamespace('seltzer')::oid, 'CREATE'), false) AS may_add,
    count(*) FILTER (WHERE relname = 'version') > 0 AS has_version,
    count(*) FILTER (WHERE relkind IN ('r', 'p') AND NOT (
        has_table_privilege(pg_class.oid, 'SELECT') AND has_table_privilege(pg_class.oid, 'INSERT')
        AND has_table_privilege(pg_class.oid, 'UPDATE') AND has_table_privilege(pg_class.oid, 'DELETE')
    )) > 0 AS lacks_tables,
    count(*) FILTER (WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(pg_class.oid, 'USAGE') END
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'i')
    ) > 0 AS lacks_sequences,
    quote_ident(min(pg_get_userbyid(relowner)) FILTER (
        WHERE relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')
    )) AS other_owner
FROM pg_class WHERE relnamespace = to_regnamespace('seltzer')
"""


@dataclass(frozen=True, slots=True)
class Rights:
    """The user's rights, a row of LOOK.

    is_there: the schema is. may_use, may_add: it may read what is in the schema, and create something there.
    other_owner: of tables of the schema that the user may not alter; None if there are none.
    """

    who: str
    database: str
    is_there: bool
    may_create: bool
    may_use: bool
    may_add: bool
    has_version: bool
    lacks_tables: bool
    lacks_sequences: bool
    other_owner: str | None

    def missing(self) -> "Missing | None":
        """Return what the user lacks to begin, or to use the tables that are there."""
        if not self.is_there:
            needed = {f"CREATE ON DATABASE {self.database}": not self.may_create}
        elif not self.has_version:
            needed = {"USAGE, CREATE ON SCHEMA seltzer": not (self.may_use and self.may_add)}
        else:
            needed = {
                "USAGE ON SCHEMA seltzer": not self.may_use,
                "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA seltzer": self.lacks_tables,
                "USAGE ON ALL SEQUENCES IN SCHEMA seltzer": self.lacks_sequences,
            }
        return self._without([each for each, is_missing in needed.items() if is_missing])

    def missing_to_migrate(self) -> "Missing | None":
        """Return what the user lacks to alter the tables that are there."""
        if self.other_owner is not None:
            why = f"{self.who} may not migrate the schema seltzer: {self.other_owner} owns its tables"
            return Missing(why, f"run seltzer migrate as {self.other_owner}")
        return self._without([] if self.may_add else ["CREATE ON SCHEMA seltzer"])

    def _without(self, grants: list[str]) -> "Missing | None":
        if not grants:
            return None
        statements = "; ".join(f"GRANT {each} TO {self.who}" for each in grants)
        owner = "schema's" if self.is_there else "database's"
        return Missing(f"{self.who} lacks {' and '.join(grants)}", f"as the {owner} owner: {statements}")


@dataclass(frozen=True, slots=True)
class Missing:
    """What a user lacks, in a sentence, and what to do about it."""

    why: str
    todo: str


def rights_of(row: Any) -> Rights:
    """Return the rights in a row of LOOK, a mapping by its columns' names."""
    return Rights(**row)
