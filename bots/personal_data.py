"""Numbers and addresses of people in a text: payment cards, telephones, e-mail. Found to be asked for, and to be hidden."""

import re
from collections.abc import Iterable

Span = tuple[int, int]
"""A place in a text, end exclusive."""

_BETWEEN = r"[\s.\-\u00b7\u200b-\u200d\u2060]"
_CARD = re.compile(rf"(?<!\d)\d(?:{_BETWEEN}{{0,2}}\d){{12,18}}(?!\d)")
_PHONE = re.compile(r"(?<![\w+])(?:\+\s?[1-9]|0)(?:[\s.\-()]{0,2}\d){8,13}(?![\w])")
_EMAIL = re.compile(r"[\w.+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}")


def find_card_numbers(text: str) -> list[Span]:
    """Return where payment card numbers stand: 13 to 19 digits, spaced or not, whose last digit checks (Luhn, ISO 7812)."""
    return [found.span() for found in _CARD.finditer(text) if _checks(found[0])]


def _checks(number: str) -> bool:
    digits = [int(letter) for letter in number if letter.isdigit()][::-1]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def find_phone_numbers(text: str) -> list[Span]:
    """Return where telephone numbers stand: with + and a country, or from 0 on, 9 to 14 digits; cards are none."""
    cards = find_card_numbers(text)
    spans = [found.span() for found in _PHONE.finditer(text)]
    return [span for span in spans if not any(start < span[1] and span[0] < end for start, end in cards)]


def find_emails(text: str) -> list[Span]:
    """Return where e-mail addresses stand."""
    return [found.span() for found in _EMAIL.finditer(text)]


FINDERS = {"card_numbers": find_card_numbers, "phone_numbers": find_phone_numbers, "emails": find_emails}
"""By the name of the field they fill."""

HIDDEN = "•"


def masked(text: str, spans: Iterable[Span]) -> str:
    """Return ``text`` with every letter and digit of ``spans`` hidden; what stands between them stays."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = [HIDDEN if letter.isalnum() else letter for letter in letters[start:end]]
    return "".join(letters)
