"""Names that a reply brings and nothing known to us holds: brands, programmes, places, people."""

import re
from collections.abc import Iterator

from runtime.model.contacts import CAPITAL
from tenants.text import fold, words

_RUN = re.compile(
    rf"(?<=[\w,;:&/(“\"] )[(“\"]?((?:[a-z]{{0,2}}[{CAPITAL}][\w'’.-]*)(?: (?:[{CAPITAL}][\w'’-]*|\d{{1,3}}\b))*)"
)
"""Words in a row with capitals, behind another word."""
_LIMITED = re.compile(r"\b(?:no|not|only|except|cannot|không|chưa|chỉ|trừ|ngoài|ko)\b|n['’]t\b", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"\b(?:other|others|all|any|anywhere|everywhere|nationwide|worldwide|khác|mọi|tất cả|toàn quốc|khắp|cả nước)\b", re.I
)
_ADDRESSED = re.compile(
    rf"^\W*(?:dạ|vâng|yes|sure|ok|okay|thanks|thank you|cảm ơn|chào)(?:,? (?:anh|chị|em|bạn|cô|chú|mr\.?|ms\.?|mrs\.?))?,? [{CAPITAL}]\w*",
    re.IGNORECASE,
)
_CITY, _CITY_NAMES = re.compile("hcm|hochiminh|saigon"), " hcmc saigon hochiminhcity"
_PLAIN = frozenset(
    words(
        "i monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun january february march april may june "
        "july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec english vietnamese chinese "
        "japanese korean french german russian spanish vietnam mr mrs ms dr teacher miss sir madam am pm vnd usd vat id ok tv usb led pc "
        "sms pdf faq gps sim atm wifi wi fi internet email lunar new year christmas tet hai ba tu nam sau bay chu nhat cn thu t2 t3 t4 "
        "t5 t6 t7 thang ban anh chi em minh quy khach thay co ong da vang viet nam city district ward street road"
    )
)
"""Folded words with a capital that name nothing of the shop's."""


def invented_name(said: str, known: str, heard: str) -> str:
    """Return the first name in a sentence that stands nowhere in ``known``; empty without one. One of the customer's own words
    (``heard``) may be repeated to deny or limit, or where the texts speak of all others too.
    """
    held = frozenset(words(known))
    names = frozenset(fold(word) for word in re.findall(rf"[{CAPITAL}][^\W_]*", known))
    joined = "".join(words(known))
    joined += _CITY_NAMES if _CITY.search(joined) else ""
    for run in _runs(said):
        parts = [word for word in words(run) if word not in _PLAIN and not word.isdigit()]
        is_held = 2 * len(names.intersection(parts)) >= len(parts) or held.issuperset(parts) or "".join(parts) in joined
        if is_held and not _is_beyond(run, known):
            continue
        if not (_is_heard(parts, heard) and _may_repeat(said, known)):
            return run
    return ""


def _is_beyond(run: str, known: str) -> bool:
    """Whether its number is none that the same name has, nor between two of them: “Grade 8” of Grades 1 to 5."""
    match = re.search(r"([^\W\d]+) (\d{1,3})$", run)
    theirs = (
        [int(one) for one in re.findall(rf"\b{re.escape(match[1])} (\d{{1,3}})\b", known, re.IGNORECASE)] if match else []
    )
    return bool(match and theirs) and not min(theirs) <= int(match[2]) <= max(theirs)  # type: ignore[index]


def _runs(said: str) -> Iterator[str]:
    """Yield the names; behind a greeting somebody is addressed, and a sentence in capitals names nothing."""
    if said.isupper():
        return
    addressed = _ADDRESSED.match(said)
    for match in _RUN.finditer(said, addressed.end() if addressed else 0):
        yield match[1]


def _is_heard(parts: list[str], heard: str) -> bool:
    return set(words(heard)).issuperset(parts)


def _may_repeat(said: str, known: str) -> bool:
    return bool(_LIMITED.search(said) or _ELSEWHERE.search(known))
