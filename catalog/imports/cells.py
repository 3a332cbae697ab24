"""The cells of one record: read as text, numbers, choices or HTML, noting what is wrong with them."""

import json
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TypeVar

from catalog.filing import MOST_TAGS, once_each
from catalog.imports import limits
from catalog.imports.problems import NOT_WHOLE, ROW_MESSAGES, Level, Problem, shown
from catalog.imports.rows import ImagePart, Policy, Status
from catalog.markup import clean_html
from catalog.money import CURRENCIES, minor_units

Choice = TypeVar("Choice")

_STATUSES: dict[str, Status] = {"active": "active", "draft": "draft", "archived": "archived"}
_POLICIES: dict[str, Policy] = {"deny": "deny", "continue": "continue"}
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
# 120.000 is 120 thousand in Vietnam and 120 in England; so is 120,000, the other way round.
_AMBIGUOUS = re.compile(r"([0-9]+)[.,]([0-9]{3})")
_IMAGE_ADDRESS = re.compile(r"https?://[^\s/\"<>\\]+[^\s\"<>\\]*", re.IGNORECASE)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def clean_text(value: str) -> str:
    """`value` in NFC, without control characters and surrounding white space."""
    if not value.isprintable():
        value = _CONTROL_CHARACTERS.sub("", value)
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    return value.strip()


def _listed(text: str) -> list[str]:
    if text.startswith('["'):
        with suppress(ValueError, RecursionError):
            found = json.loads(text)
            if all(isinstance(one, str) for one in found):
                return list(found)
    return text.split(",")


class Cells:
    """One record by column name. A column the file does not have reads as empty.

    Every reading method notes a problem instead of raising, and then answers with a value that can be
    stored; a caller drops what it built when `keep_errors_since` says that an error was noted meanwhile.
    """

    def __init__(self, row: int, values: dict[str, str]) -> None:
        self.row = row
        self.values = values
        self.problems: list[Problem] = []

    def note(
        self, level: Level, column: str, code: str, value: str | None = None, message: str = "", **params: object
    ) -> None:
        """Note a problem with the cell in `column`; `value` if it is not the cell that is to be shown.

        `params` fill the code's message; `message` takes its place where there is more to say.
        """
        value = shown(self.values.get(column, "") if value is None else value)
        params = {} if message else params
        message = message or str(ROW_MESSAGES[code]) % params
        self.problems.append(Problem(level, self.row, column, value, code, message, params))

    def keep_errors_since(self, mark: int) -> bool:
        """Whether errors were noted after the first `mark` problems. If so, the warnings beside them are
        dropped: what is not applied is not corrected either."""
        errors = [problem for problem in self.problems[mark:] if problem.level == "error"]
        if errors:
            self.problems[mark:] = errors
        return bool(errors)

    def has(self, column: str) -> bool:
        """Whether the cell has anything but white space."""
        return bool(self.values.get(column, "").strip())

    def text(self, column: str, limit: int = limits.MAX_NAME_CHARACTERS) -> str:
        """The cell as clean text, cut to `limit` characters with a warning."""
        value = self.values.get(column, "")
        if not value:
            return value
        value = clean_text(value)
        if len(value) > limit:
            self.note("warning", column, "shortened", limit=limit)
            value = value[:limit].rstrip()
        return value

    def code(self, column: str) -> str:
        """The cell as a code that other rows refer to: never cut."""
        value = clean_text(self.values.get(column, ""))
        if len(value) > limits.MAX_CODE_CHARACTERS:
            self.note("error", column, "too_long", limit=limits.MAX_CODE_CHARACTERS)
        return value

    def sku(self, column: str) -> str:
        """The SKU as written, in NFC; empty if there is nothing but white space."""
        value = unicodedata.normalize("NFC", self.values.get(column, ""))
        if not value.strip():
            return ""
        if _CONTROL_OR_BREAK.search(value):
            self.note("error", column, "invalid_characters")
        if len(value) > limits.MAX_CODE_CHARACTERS:
            self.note("error", column, "too_long", limit=limits.MAX_CODE_CHARACTERS)
        return value

    def html(self, column: str) -> str:
        """The cell as HTML with only harmless formatting left in it."""
        value = self.text(column, limits.MAX_DESCRIPTION_CHARACTERS)
        return clean_html(value).strip() if value else value

    def tags(self, column: str) -> list[str]:
        """A comma separated cell (or a JSON list, for tags with commas) as the tags an offering may have (`filing`).

        Those beyond the limit are left out with a warning.
        """
        tags = (tag.strip() for tag in _listed(self.text(column, limits.MAX_DESCRIPTION_CHARACTERS)))
        found = once_each(tag[: limits.MAX_TAG_CHARACTERS] for tag in tags)
        if len(found) > MOST_TAGS:
            self.note("warning", column, "too_many_tags", most=MOST_TAGS)
        return found[:MOST_TAGS]

    def money(self, column: str, currency: str) -> Decimal | None:
        """A plain decimal number such as `1234.5`; `None` if empty or wrong.

        There is one notation. `10,5`, `1.234,56`, `120.000` and `1e9` mean different things to different
        people, so they are errors and never guessed. So are decimals in a `currency` that has none.
        """
        value = self.values.get(column, "").strip()
        if not value:
            return None
        if grouped := _AMBIGUOUS.fullmatch(value):
            self._note_ambiguous(column, grouped[1], grouped[2])
            return None
        match = _NUMBER.fullmatch(value)
        if not match:
            self.note("error", column, "invalid_number")
            return None
        sign, whole, decimals = match[1], match[2].lstrip("0"), (match[3] or "").rstrip("0")
        if sign and (whole or decimals):
            self.note("error", column, "negative_number")
        elif len(decimals) > (limit := limits.MAX_MONEY_DECIMALS if minor_units(currency) else 0):
            self.note("error", column, "too_many_decimals", limit=limit)
        elif len(whole) > limits.MAX_MONEY_WHOLE_DIGITS:
            self.note("error", column, "number_too_large")
        else:
            return Decimal(f"{whole or 0}.{decimals:0<2}")
        return None

    def _note_ambiguous(self, column: str, whole: str, digits: str) -> None:
        """Tell both ways to write it that mean one thing only; a fourth decimal keeps three from being thousands."""
        decimals = digits.rstrip("0")
        decimals = f"{decimals:0<2}" if len(decimals) < 3 else f"{decimals}0"
        thousands = (whole + digits).lstrip("0") or "0"
        self.note("error", column, "ambiguous_number", thousands=thousands, units=f"{whole}.{decimals}")

    def quantity(self, column: str) -> int:
        """A number of pieces, perhaps negative; 0 if empty or wrong."""
        value = self.values.get(column, "").strip()
        if not value:
            return 0
        match = _NUMBER.fullmatch(value)
        grouped = _AMBIGUOUS.fullmatch(value)
        if grouped and not grouped[2].strip("0"):  # 1.000 may be a thousand pieces or one
            self.note("error", column, "ambiguous_number", thousands=f"{grouped[1]}000", units=grouped[1])
        elif not match or (match[3] or "").strip("0"):
            self.note("error", column, "invalid_number", message=str(NOT_WHOLE))
        elif len(match[2].lstrip("0")) > 10 or int(match[2]) > limits.MAX_QUANTITY:
            self.note("error", column, "number_too_large")
        else:
            return int(match[1] + match[2])
        return 0

    def count(self, column: str) -> int | None:
        """A number that only describes (a weight, a position): left out with a warning if it is wrong."""
        value = self.values.get(column, "").strip()
        if not value:
            return None
        match = _NUMBER.fullmatch(value)
        if not match or match[1] or len(match[2]) > 9:
            self.note("warning", column, "number_ignored")
            return None
        return int(match[2])

    def stock(self, column: str) -> int:
        """A number of pieces on the shelf: a negative one is 0, with a warning."""
        quantity = self.quantity(column)
        if quantity < 0:
            self.note("warning", column, "negative_stock")
        return max(quantity, 0)

    def currency(self, column: str) -> str | None:
        """An ISO 4217 code in capitals; `None` if empty or wrong."""
        value = self.values.get(column, "").strip().upper()
        if value and value not in CURRENCIES:
            self.note("error", column, "unknown_currency")
        return value if value in CURRENCIES else None

    def choice(self, column: str, choices: Mapping[str, Choice], default: Choice) -> Choice | None:
        """What `choices` has for the cell, in any case; `default` if it is empty, `None` if it is unknown."""
        value = self.values.get(column, "").strip().lower()
        return choices.get(value) if value else default

    def policy(self, column: str) -> Policy:
        """Whether the variant is sold beyond its stock; `deny` if empty or wrong."""
        policy = self.choice(column, _POLICIES, "deny")
        if policy is None:
            self.note("error", column, "unknown_policy")
        return policy or "deny"

    def status(self, column: str) -> Status:
        """The offering's status: `active` if empty, `draft` with a warning if unknown."""
        status = self.choice(column, _STATUSES, "active")
        if status is None:
            self.note("warning", column, "unknown_status")
        return status or "draft"

    def image(self, level: Level, src: str, alt: str, position: str = "") -> ImagePart | None:
        """The picture named by these columns; `None` if there is none or its address is no web address."""
        address = self.values.get(src, "").strip()
        if not address:
            return None
        if len(address) > limits.MAX_URL_CHARACTERS or not _IMAGE_ADDRESS.fullmatch(address):
            self.note(level, src, "invalid_image")
            return None
        return ImagePart(address, self.text(alt), self.count(position))
