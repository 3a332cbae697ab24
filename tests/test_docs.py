"""What the documents name is there: files, commands, make targets, addresses; and every app has its page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from tests.test_architecture import LINE

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("README.md"), *(ROOT / "docs").rglob("*.md")])
TOP = {path.name for path in ROOT.iterdir()}
FILES = re.compile(r"^[\w.-]+(/[\w.*-]+)*\.\w+$")
MADE_WHEN_RUNNING = (".venv", ".data", ".env")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def spans(text: str) -> Iterator[str]:
    """Yield what stands in backticks, in a line or in a block."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.S)
    yield from blocks
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


def paths_in(text: str) -> Iterator[str]:
    """Yield the files of the project that are named: in backticks from a top folder on, or as a link."""
    for span in spans(text):
        for word in span.split():
            place = word.strip("\"'(),:;")
            first = place.split("/")[0]
            if FILES.match(place) and first in TOP:
                yield place
    yield from (link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link)


def test_the_readers_find_what_is_named() -> None:
    text = "See `tenants/scope.py`, [it](docs/api.md) and `make up`.\n```\npython manage.py migrate\n```"
    assert list(paths_in(text)) == ["manage.py", "tenants/scope.py", "docs/api.md"]
    assert commands_in(text) == {"migrate"}
    assert targets_in(text) == {"up"}


@each_document
def test_every_file_that_is_named_exists(document: Path) -> None:
    missing = [
        place
        for place in paths_in(document.read_text())
        if not place.startswith(MADE_WHEN_RUNNING)
        and not any(list(folder.glob(place)) for folder in (ROOT, document.parent))
        and not list(ROOT.glob(f"*/templates/{place}"))
    ]
    assert missing == []


def commands_in(text: str) -> set[str]:
    return {name for span in spans(text) for name in re.findall(r"manage\.py ([a-z]\w+)", span)}


def targets_in(text: str) -> set[str]:
    return {name for span in spans(text) for name in re.findall(r"\bmake ([a-z][\w-]*)", span)}


@each_document
def test_every_command_that_is_named_exists(document: Path) -> None:
    assert commands_in(document.read_text()) - set(get_commands()) == set()


@each_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert targets_in(document.read_text()) - targets == set()


@each_document
def test_every_address_that_is_named_answers(document: Path) -> None:
    for address in re.findall(
        r"`(?:http://127\.0\.0\.1:8000)?(/(?:api|admin|healthz|readyz|metrics)[\w/-]*)`", document.read_text()
    ):
        if address.startswith("/api/v1/") and not address.endswith(("schema/", "docs/", "/v1/")):
            continue  # resources are checked against the schema elsewhere
        if address != "/api/v1/":
            try:
                resolve(address)
            except Resolver404:
                pytest.fail(f"{address} leads nowhere")


@pytest.mark.parametrize("app", [*LINE, "config"])
def test_every_app_has_its_page_and_the_readme_leads_there(app: str) -> None:
    assert (ROOT / "docs" / f"{app}.md").exists()
    assert f"docs/{app}.md" in (ROOT / "README.md").read_text()
