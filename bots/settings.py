"""Settings of a bot: typed, read in from General Bots' ``config.csv`` and written out as one.

The file has the columns ``name`` and ``value`` (https://docs.pragmatismo.com.br). Its values are text; a setting that has a
type already is read as that type. Secrets are not settings: a row that looks like one is left out and named, and belongs
into the vault. Written out, a cell that a spreadsheet would take for a formula begins with an apostrophe, which reading takes
off again.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

from bots.models import Bot, BotSetting
from bots.models.settings import KEY, LONGEST_VALUE
from tenants.errors import DomainError, FieldProblem, TooLarge
from tenants.parsers import parse_json
from tenants.text import from_inert, inert, nfc

MOST_SETTINGS = 250
"""Of one bot."""
MOST_BYTES = 1_000_000
SECRET = re.compile(r"(?:^|[-_.])(?:(?:api)?key|pass|password|passwd|pwd|secret|token|credentials?)$", re.IGNORECASE)
"""Names that General Bots gives to secrets: llm-key, email-pass."""
_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NO_SECRET = frozenset({"", "none", "null", "false", "true"})
"""Values under such a name that give nothing away."""
RESERVED = frozenset({"export", "import"})
"""Addresses beside those of settings."""
Type = BotSetting.Type
TYPES: dict[type, Type] = {
    bool: Type.BOOLEAN,
    int: Type.INTEGER,
    float: Type.NUMBER,
    str: Type.TEXT,
    dict: Type.JSON,
    list: Type.JSON,
}


class SecretInSetting(DomainError):
    """A secret where everybody could read it: 422."""

    def __init__(self) -> None:
        super().__init__("secret_in_setting", _("Keep secrets in a credential: settings can be read."), field="value")


@dataclass
class ConfigImport:
    """What came of reading a file; ``skipped`` names rows that look like secrets."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)


def type_of(value: Any) -> str:
    """Return the type that a JSON value has; raises ``DomainError`` (422) for null."""
    if type(value) not in TYPES:
        raise DomainError("invalid", _("This is not a valid value."), field="value")
    return TYPES[type(value)]


def check_setting(*, key: str, value_type: str, value: Any) -> None:
    """Raise ``DomainError`` (422) for a value of another type, one that is too long, and a secret."""
    if key in RESERVED:
        raise DomainError("reserved", _("This name is taken by an address of the API."), field="key")
    is_number = type(value) in (int, float) and math.isfinite(value)
    fits = is_number if value_type == Type.NUMBER else type(value) in TYPES and type_of(value) == value_type
    if not fits:
        raise DomainError("invalid_type", _("Write a value of this type: %(type)s.") % {"type": value_type}, field="value")
    if len(value if isinstance(value, str) else json.dumps(value)) > LONGEST_VALUE:
        raise DomainError("max_length", _("A setting has up to 10,000 characters."), field="value")
    if is_secret(key, value):
        raise SecretInSetting


def is_secret(key: str, value: Any) -> bool:
    """Whether this looks like something that opens a door, or holds it: ``apiKey`` as well as ``api-key``."""
    if isinstance(value, dict):
        return any(is_secret(str(name), inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(is_secret(key, inner) for inner in value)
    is_named = bool(SECRET.search(_NEXT_WORD.sub("-", key)))
    return is_named and isinstance(value, str) and value.strip().lower() not in NO_SECRET


def as_text(value: Any) -> str:
    """Return a value as ``config.csv`` writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_as(value_type: str, text: str) -> Any:
    """Return what a text says as a value of the type; raises ``ValueError``."""
    match value_type:
        case Type.BOOLEAN:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.strip().lower()]
        case Type.INTEGER:
            return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else _no_value()
        case Type.NUMBER:
            number = float(text)
            return number if math.isfinite(number) else _no_value()
        case Type.JSON:
            found = _read_json(text)
            return found if isinstance(found, dict | list) else _no_value()
    return text


def _read_json(text: str) -> Any:
    try:
        return parse_json(text.encode())
    except ParseError as error:
        raise ValueError from error


def _no_value() -> Any:
    raise ValueError


def import_config(*, bot: Bot, data: bytes) -> ConfigImport:
    """Set what a ``config.csv`` says, all or nothing; what it does not name stays. A name given twice: the last counts.

    Raises ``TooLarge`` (413) and ``DomainError`` (422) with every wrong row (``rows.2.name``, counted as the file's lines).
    """
    rows = list(_rows(data))
    with transaction.atomic():
        Bot.objects.select_for_update(no_key=True).get(pk=bot.pk)  # one file at a time
        stored = {row.key: row for row in BotSetting.objects.filter(bot=bot)}
        done, problems = ConfigImport(), []
        for line, key, text in rows:
            if is_secret(key, text):
                done.skipped.append({"row": line, "name": key, "reason": str(SecretInSetting().message)})
            elif problem := _take(bot, stored, key, text, done):
                problems.append(FieldProblem(f"rows.{line}.{problem[0]}", "invalid", problem[1]))
        _check_problems(problems, len(stored))
    return done


def _take(bot: Bot, stored: dict[str, BotSetting], key: str, text: str, done: ConfigImport) -> tuple[str, str] | None:
    """Write one row; returns the wrong column and why."""
    row = stored.get(key) or BotSetting(bot=bot, key=key, value_type=Type.TEXT)
    try:
        KEY(key)
        value = read_as(row.value_type, text)
        check_setting(key=key, value_type=row.value_type, value=value)
    except ValidationError as error:
        return "name", " ".join(error.messages)
    except DomainError as error:
        return error.field or "value", error.message
    except (ValueError, KeyError, RecursionError):
        return "value", _("Write a value of this type: %(type)s.") % {"type": row.value_type}
    is_new = key not in stored
    if not is_new and row.value == value:
        done.unchanged += 1
        return None
    row.value = value
    row.save()
    stored[key] = row
    done.created, done.changed = done.created + is_new, done.changed + (not is_new)
    return None


def _check_problems(problems: list[FieldProblem], count: int) -> None:
    if count > MOST_SETTINGS:
        raise DomainError("too_many", _("A bot has up to %(most)d settings.") % {"most": MOST_SETTINGS})
    if problems:
        error = DomainError("invalid_config", problems[0].message)
        error.problems = problems[:100]
        raise error


def _rows(data: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and value; blank lines and those without a name are spacing."""
    if len(data) > MOST_BYTES:
        raise TooLarge("too_large", _("A config.csv has up to 1 MB."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DomainError("wrong_encoding", _("The file is not in UTF-8."), field="file") from error
    if "\x00" in text:
        raise DomainError("binary_file", _("This is not a text file."), field="file")
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if header[:2] != ["name", "value"]:
            raise DomainError("no_header", _("The first line has to say: name,value"), field="file")
        for cells in reader:
            if cells and cells[0].strip():
                yield reader.line_num, from_inert(nfc(cells[0].strip())), from_inert(nfc(_value(cells[1:])))
    except csv.Error as error:
        raise DomainError("invalid_config", _("The file cannot be read as CSV."), field="file") from error


def _value(cells: Sequence[str]) -> str:
    """Return a value that may have commas in it, without the empty cells with which a spreadsheet fills its rows up."""
    last = next((place for place in range(len(cells), 1, -1) if cells[place - 1]), 1)
    return ",".join(cells[:last])


def export_config(bot: Bot) -> str:
    """Return the bot's settings as ``config.csv``; imported again it changes nothing."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", "value"])
    writer.writerows([inert(row.key), inert(as_text(row.value))] for row in BotSetting.objects.filter(bot=bot))
    return out.getvalue()
