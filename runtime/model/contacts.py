"""How and where somebody is reached: telephone numbers, mail and web addresses, and people and streets by their names."""

import re
from collections.abc import Iterator

from tenants.text import fold

CAPITAL = "A-Z" + "".join(letter for letter in map(chr, range(0xC0, 0x1EFA)) if letter.isupper())
"""For a set of characters: the capitals of Latin letters, with marks."""
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_SITE = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,5}(?:com|net|org|vn|io|co|info|biz|shop|store|example|me|app|dev|xyz|site|online|asia|edu|gov)(?![\w-])",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.,])\+?\d(?:[ .()-]{0,2}\d){7,14}(?![\w])")
_NO_PHONE = re.compile(r"\d{1,3}(?:[.,]\d{3})+|\d{4}-\d\d-\d\d|\d{5,}0{3}")
_NAMED = re.compile(
    r"\b(?:[Bb]ác sĩ|[Bb]s|BS|[Dd]r\.?|[Dd]octor|[Đđ]ường|[Pp]hố|[Pp]hường|[Qq]uận|[Dd]istrict|[Ss]treet) "
    rf"([{CAPITAL}]\w+(?: [{CAPITAL}]\w+){{0,3}})"
)


def unknown_contact(said: str, known: str) -> str:
    """Return the first way to reach somebody, or name of a person or street, that stands nowhere in ``known``; empty without one."""
    lower, digits, folded = known.lower(), re.sub(r"[^\d]", "", known), fold(known)
    for address in (*_MAIL.findall(said), *_SITE.findall(_MAIL.sub(" ", said))):
        if address.lower().rstrip(".") not in lower:
            return address
    for phone in _phones(said):
        if re.sub(r"^84|^0", "", phone) not in digits:
            return phone
    return next((name for name in _NAMED.findall(said) if not any(fold(word) in folded for word in name.split())), "")


def without_contacts(said: str) -> str:
    """Return the text without what has its own check: the numbers left are others."""
    left = _SITE.sub(" ", _MAIL.sub(" ", said))
    return _PHONE.sub(lambda one: one[0] if _NO_PHONE.fullmatch(one[0]) else " ", left)


def _phones(said: str) -> Iterator[str]:
    for match in _PHONE.finditer(said):
        if not _NO_PHONE.fullmatch(match[0]):
            yield re.sub(r"\D", "", match[0])
