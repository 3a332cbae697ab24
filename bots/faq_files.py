"""FAQs as a CSV file: exported for a spreadsheet, and imported all or none, twice as well as once.

A row is the FAQ whose id it names, else the one of the same bot and language with the same question, else a new one.
A column that is missing leaves what there is; an empty cell is the default.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any, BinaryIO
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Bot, Faq
from catalog.imports.problems import UnreadableFile, shown
from catalog.imports.tables import CsvTable, Record
from catalog.models import KnowledgeDomain, Offering
from tenants.errors import DomainError, FieldProblem
from tenants.models import Tenant
from tenants.queue import wake
from tenants.scope import current_tenant_id
from tenants.text import detect_language, from_inert, inert, nfc

COLUMNS = (
    *("id", "question", "answer", "language", "category", "priority", "is_active", "review_state", "bot", "domain"),
    "offering",
)
REQUIRED = ("question", "answer")
CHANGED = (
    "question",
    "answer",
    "language",
    "category",
    "priority",
    "is_active",
    "review_state",
    "bot",
    "domain",
    "offering",
)
MAX_FILE_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_PROBLEMS = 100
BATCH = 500
_YES, _NO = frozenset({"", "true", "yes", "1", "x", "có"}), frozenset({"false", "no", "0", "không"})


@dataclass(frozen=True)
class FaqImport:
    """What an import of FAQs did."""

    rows: int
    created: int
    changed: int
    unchanged: int

    def as_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class WrongRows(DomainError):
    """Some rows cannot be imported, so none is; ``problems`` name row and column as ``rows.2.priority``."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("wrong_rows", _("Nothing was imported: some rows have errors."))
        self.problems = list(problems[:MOST_PROBLEMS])


def export_faqs(faqs: models.QuerySet) -> IO[bytes]:
    """Return the FAQs as CSV, open at its beginning; cells are inert (``tenants/text.py``), and the import undoes that."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    # The byte order mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    for faq in _in_batches(faqs.select_related("bot", "domain", "offering").order_by("pk")):
        lines.writerow([inert(cell) for cell in _cells(faq)])
    text.detach()
    target.seek(0)
    return target


def _in_batches(faqs: models.QuerySet) -> Iterator[Faq]:
    batch = list(faqs[:BATCH])
    while batch:
        yield from batch
        batch = list(faqs.filter(pk__gt=batch[-1].pk)[:BATCH])


def _cells(faq: Faq) -> list[str]:
    codes = [one.code if one else "" for one in (faq.bot, faq.domain, faq.offering)]
    told = [faq.language, faq.category, str(faq.priority), str(faq.is_active).lower(), faq.review_state]
    return [str(faq.pk), faq.question, faq.answer, *told, *codes]


def import_faqs(source: BinaryIO) -> FaqImport:
    """Import a CSV file, all rows or none.

    Raises ``WrongRows``, and ``DomainError`` on ``file`` for what is no such file.
    """
    try:
        table = CsvTable(source)
        records = list(_limited(table))
    except UnreadableFile as error:
        raise DomainError(error.code, error.message, field="file") from None
    header = _header(table.header)
    with transaction.atomic():
        with connection.cursor() as cursor:  # two files at once: the second one finds what the first one made
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"faqs {current_tenant_id()}"])
        return _Import(header).run(records)


def _limited(table: CsvTable) -> Iterator[Record]:
    for number, record in enumerate(table.records()):
        if number >= MOST_ROWS:
            raise UnreadableFile("too_many_rows", limit=MOST_ROWS)
        yield record


def _header(names: Sequence[str]) -> list[str]:
    header = [name.strip().lower() for name in names]
    for name in REQUIRED:
        if name not in header:
            raise DomainError("missing_header", _("The file has no column “%(name)s”.") % {"name": name}, field="file")
    for name in header:
        if name not in COLUMNS:
            said = _("The file has an unknown column “%(name)s”. Known are: %(known)s.")
            raise DomainError("unknown_header", said % {"name": shown(name), "known": ", ".join(COLUMNS)}, field="file")
        if header.count(name) > 1:
            raise DomainError("duplicate_header", _("The column “%(name)s” is there twice.") % {"name": name}, field="file")
    return header


class _WrongCell(Exception):
    """What is wrong with a cell: a code, and a message for people."""


@dataclass
class _Import:
    """One run over the rows of a file, inside a transaction."""

    header: list[str]
    problems: list[FieldProblem] = field(default_factory=list)
    new: list[Faq] = field(default_factory=list)
    changed: list[Faq] = field(default_factory=list)
    seen: dict[Any, int] = field(default_factory=dict)

    def run(self, records: Sequence[Record]) -> FaqImport:
        """Read every row, then write all of them; raises ``WrongRows``."""
        self.by_id: dict[str, Faq] = {str(faq.pk): faq for faq in Faq.objects.all()}
        self.by_words = {_words(faq): faq for faq in self.by_id.values()}
        self.codes = _codes()
        for record in records:
            self._read(record)
        if self.problems:
            raise WrongRows(self.problems)
        Faq.objects.bulk_create(self.new, batch_size=BATCH)
        Faq.objects.bulk_update(self.changed, [*CHANGED, "updated_at"], batch_size=BATCH)
        wake("catalog.embed_texts")
        unchanged = len(records) - len(self.new) - len(self.changed)
        return FaqImport(len(records), len(self.new), len(self.changed), unchanged)

    def _read(self, record: Record) -> None:
        before = len(self.problems)
        if len(record.cells) != len(self.header) or record.faults:
            self._note(record, "", "ragged_row", _("The row has too many or too few cells, or is not UTF-8."))
            return
        cells = {name: nfc(from_inert(cell)).strip() for name, cell in zip(self.header, record.cells, strict=True)}
        values = {name: self._value(record, name, cell) for name, cell in cells.items() if name != "id"}
        if not cells.get("language"):
            values["language"] = detect_language(cells["question"])
        if len(self.problems) == before:
            self._take(record, cells.get("id", ""), values)

    def _value(self, record: Record, name: str, cell: str) -> Any:
        try:
            return _READ[name](cell) if name in _READ else self._named(name, cell)
        except _WrongCell as error:
            self._note(record, name, *error.args)
            return None

    def _named(self, name: str, cell: str) -> Any:
        if not cell:
            return None
        found = self.codes[name].get(cell)
        if found is None:
            raise _WrongCell("unknown_reference", _("There is nothing of this name."))
        return found

    def _take(self, record: Record, faq_id: str, values: Mapping[str, Any]) -> None:
        there = self.by_id.get(faq_id.lower())
        if there and "language" not in self.header:  # told by the words of new ones only
            values = {name: value for name, value in values.items() if name != "language"}
        wanted = Faq(**values)
        there = there or self.by_words.get(_words(wanted))
        first = self.seen.setdefault(there.pk if there else _words(wanted), record.row)
        if first != record.row:
            self._note(record, "question", "duplicate_row", _("Row %(row)d is the same question.") % {"row": first})
        elif there is None:
            self.new.append(wanted)
        elif any(getattr(there, _column(name)) != getattr(wanted, _column(name)) for name in values):
            for name in values:
                setattr(there, _column(name), getattr(wanted, _column(name)))
            there.updated_at = timezone.now()
            self.changed.append(there)

    def _note(self, record: Record, column: str, code: str, message: str) -> None:
        path = f"rows.{record.row}.{column}" if column else f"rows.{record.row}"
        self.problems.append(FieldProblem(path, code, message))


def _column(name: str) -> str:
    return f"{name}_id" if name in ("bot", "domain", "offering") else name


def _words(faq: Faq) -> tuple[UUID | None, str, str]:
    return faq.bot_id, faq.language, faq.question


def _codes() -> dict[str, dict[str, Any]]:
    rows: dict[str, Any] = {
        "bot": Bot.objects.all(),
        "domain": KnowledgeDomain.objects.all(),
        "offering": Offering.objects.all(),
    }
    return {name: {row.code: row for row in found.only("code")} for name, found in rows.items()}


def _text(most: int, *, is_required: bool = False) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if is_required and not cell:
            raise _WrongCell("required", _("This field is required."))
        if len(cell) > most:
            raise _WrongCell("max_length", _("At most %(most)d characters.") % {"most": most})
        return cell

    return read


def _whole(cell: str) -> int:
    try:
        number = int(cell or "0")
    except ValueError:
        raise _WrongCell("invalid", _("Write a whole number.")) from None
    if abs(number) > 2_000_000_000:
        raise _WrongCell("invalid", _("Write a whole number."))
    return number


def _flag(cell: str) -> bool:
    if cell.lower() not in _YES | _NO:
        raise _WrongCell("invalid", _("Write true or false."))
    return cell.lower() in _YES


def _choice(choices: Sequence[str], default: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if (cell or default) not in choices:
            raise _WrongCell("invalid_choice", _("Write one of: %(choices)s.") % {"choices": ", ".join(choices)})
        return cell or default

    return read


_READ: Mapping[str, Callable[[str], Any]] = {
    "question": _text(1000, is_required=True),
    "answer": _text(10_000, is_required=True),
    "category": _text(100),
    "priority": _whole,
    "is_active": _flag,
    "language": _choice(Tenant.Locale.values, Tenant.Locale.VIETNAMESE),
    "review_state": _choice(Faq.ReviewState.values, Faq.ReviewState.APPROVED),
}
