"""The map from role to permission, as the document shows it."""

from pathlib import Path

from tenants.roles import EDIT, NONE, ROLE_TABLE, VIEW, Role

WORDS = {EDIT: "edit", VIEW: "read", VIEW | {"change"}: "read, change", VIEW | {"add"}: "read, add", NONE: "-"}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tenants.md"


def table() -> list[str]:
    """Return the lines of the table; what no role may even read is left out."""
    head = ["| of | " + " | ".join(Role.values) + " |", "|---|" + "---|" * len(Role.values)]
    rows = {key: row for key, row in ROLE_TABLE.items() if any(row)}
    return [*head, *(f"| `{key}` | {' | '.join(WORDS[allowed] for allowed in row)} |" for key, row in rows.items())]


def test_the_document_shows_what_every_role_may_do() -> None:
    assert "\n".join(table()) in DOCUMENT.read_text(), "\n".join(table())
