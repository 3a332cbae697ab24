"""``import_catalog``: bring a catalogue file in; prints a JSON summary as its last line."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser
from django.db.models import Case, When

from catalog.imports.jobs import error_of, import_file
from catalog.imports.problems import message_of
from catalog.imports.product_pages import addresses_as_file
from catalog.imports.saved_mappings import chosen_mapping
from catalog.imports.staging import OnProgress
from catalog.imports.summary import failed, in_order
from catalog.models import ImportJob, ImportMapping
from tenants.errors import DomainError
from tenants.management.base import TenantCommand
from tenants.models import Tenant

BLOCK = 1024 * 1024
WIDTH = 40
TOLD_PROBLEMS = 10
PASSED_ON = ("on_duplicate_sku", "decimals", "missing", "source", "may_archive_many")


class Command(TenantCommand):
    """Stage a file and apply it, here, whether a worker runs or not."""

    help = (
        "Import a catalogue file (Shopify's, Saleor's or our own; CSV, XLSX or JSON) into a tenant. Prints a JSON summary last. "
        "Rows with errors are counted and left out, the first ten problems are told on stderr; "
        "the exit code is 1 only when nothing could be imported."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the slug, the file and how it is to be understood."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--url", action="append", help="a product page, in place of a file; may be given often")
        parser.add_argument(
            "--mapping", default="auto", help="auto, shopify, backroom, saleor, web, or a saved mapping by its name"
        )
        parser.add_argument("--dry-run", action="store_true", help="stage and report; apply nothing")
        parser.add_argument("--currency", help="of prices without one; by default the tenant's")
        parser.add_argument(
            "--on-duplicate-sku", choices=ImportJob.DuplicateSku.values, default=ImportJob.DuplicateSku.ERROR
        )

        parser.add_argument(
            "--decimals",
            choices=ImportMapping.Decimals.values,
            default="",
            help="how numbers are written: plain, point (1,234.50) or comma (1.234,50); by default as the file proves it",
        )
        parser.add_argument(
            "--missing",
            choices=ImportJob.Missing.values,
            default=ImportJob.Missing.KEEP,
            help="offerings that earlier imports of this format and source made and the file has no more",
        )
        parser.add_argument("--source", default="", help="where the file comes from, such as a supplier")
        parser.add_argument(
            "--may-archive-many", action="store_true", help="even if the file lacks more than a fifth of them"
        )

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        """Import and print; a failed import has its summary too, and one line on stderr."""
        if bool(options["file"]) == bool(options["url"]):
            raise CommandError("Give a file, or --url.")
        path: Path = options["file"] or Path("pages.txt")
        try:
            job = import_file(
                **_source(path, options["url"], options["mapping"]),
                name=path.name,
                currency=(options["currency"] or tenant.currency).upper(),
                **{name: options[name] for name in PASSED_ON},
                apply_now=not options["dry_run"],
                on_progress=_bar() if sys.stderr.isatty() else None,
            )
        except DomainError as error:
            self._fail(error.message, failed({"code": error.code, "message": error.message}))
        except OSError as error:
            reason = f"{path}: {error.strerror or error}"
            self._fail(reason, failed({"code": "unreadable_file", "message": reason}))
        if job.error_log and not options["dry_run"]:  # failed, or refused and still to be confirmed
            told = job.summary.get("error", {"code": "failed", "message": error_of(job)})
            self._fail(f"{path.name}: {error_of(job)}", failed(told, job))
        self._tell_problems(job)
        self._print(in_order(job.summary))

    def _tell_problems(self, job: ImportJob) -> None:
        """Name the first problems on stderr, rows that are left out before those that are corrected."""
        wrong = job.rows.exclude(problems=[]).order_by(Case(When(outcome="error", then=0), default=1), "row")
        found = ((row.row, one) for row in wrong[:TOLD_PROBLEMS] for one in row.problems)
        for row, one in islice(found, TOLD_PROBLEMS):
            self.stderr.write(f"row {row}, column {one.get('column') or '–'}: {one['code']}: {message_of(one)}")

    def _fail(self, line: str, summary: dict[str, Any]) -> NoReturn:
        self._print(summary)
        raise CommandError(line)

    def _print(self, summary: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(summary, ensure_ascii=False))


def _source(path: Path, addresses: list[str] | None, mapping: str) -> dict[str, Any]:
    if not addresses:
        return {"chunks": _blocks(path), **chosen_mapping(mapping)}
    web = {"mapping": ImportJob.Mapping.WEB, "source_type": ImportJob.SourceType.WEB}
    return {"chunks": [addresses_as_file(addresses)], **web}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _bar() -> OnProgress:
    def show(done: int, total: int) -> None:
        filled = WIDTH * done // total
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}{end}")
        sys.stderr.flush()

    return show
