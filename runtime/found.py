"""What a turn looks up at once, and what was found."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from catalog.search import Hit, Statement
from tenants.postgres.prepared import numbered
from tenants.scope import current_tenant_id


def names_in(hit: Hit) -> list[str]:
    """Return the name of an offering, and the lines of its text that may be its name in another language."""
    lines = (line for line in hit.body.split("\n") if line[:1].isupper() and not line.endswith("."))
    return [hit.title, *(line for line in lines if not any(map(str.isdigit, line.split()[0])))]


class Hits(Mapping[str, list[Hit]]):
    """What was found, by what was looked for. Scored when it is asked for: few answers need all of it."""

    def __init__(
        self, rows: dict[str, list[tuple[Any, ...]]], ranked: Callable[[str, list[tuple[Any, ...]]], list[Hit]]
    ) -> None:
        self._rows, self._ranked, self._known = rows, ranked, dict[str, list[Hit]]()

    def __getitem__(self, look: str) -> list[Hit]:
        if look not in self._known:
            self._known[look] = self._ranked(look, self._rows[look])
        return self._known[look]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Found(NamedTuple):
    """A row of the look-up: what was looked for, the document a chunk is of, and the candidate."""

    look: str
    document_id: UUID | None
    candidate: tuple[Any, ...]


CHUNKS_IN_SCOPE = """
    SELECT k.id FROM runtime_sessionscope AS s
    JOIN bots_knowledgedocument AS d ON d.tenant_id = %(tenant)s AND d.collection_id = s.collection_id
    JOIN bots_knowledgechunk AS k ON k.tenant_id = %(tenant)s AND k.document_id = d.id
    WHERE s.tenant_id = %(tenant)s AND s.session_id = %(session)s
"""
"""What a conversation may use that is limited to some collections."""

_DOCUMENT = "(SELECT k.document_id FROM bots_knowledgechunk AS k WHERE k.tenant_id = %s AND k.id = found.owner_id)"


def fetch_all(statements: dict[str, Statement]) -> list[Found]:
    """Run the statements as one and return their rows, each behind the name of its statement."""
    if not statements:
        return []
    named, params = [], []
    for name, one in statements.items():
        of_document, tenant = (_DOCUMENT, [current_tenant_id()]) if name.endswith("document") else ("NULL::uuid", [])
        named.append(f"SELECT '{name}', {of_document}, found.* FROM ({one.sql}) AS found")  # noqa: S608 - our own SQL
        params += [*tenant, *one.params]
    with connection.cursor() as cursor:
        cursor.execute(*numbered(" UNION ALL ".join(named), params))
        return [Found(row[0], row[1], row[2:]) for row in cursor.fetchall()]
