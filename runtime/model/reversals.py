"""Whether a clause of a reply says the reverse of its sources in nearly their words: a bound, a condition, a denial, whose deed it was."""

import re
from collections.abc import Iterator, Sequence

from runtime.model.clauses import Clause, telling
from runtime.model.contacts import CAPITAL
from runtime.model.quantities import in_digits
from tenants.text import STOP_WORDS, fold, words

_NAMES = "first second third fourth fifth sixth seventh eighth ninth tenth"
_ORDINALS = {word: str(number) for number, word in enumerate(words(_NAMES), start=1)}
_ORDINAL = re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b")
_LEAST = r"at least|minimum(?: of)?|no less than|more than|over|above|after|tối thiểu|ít nhất|hơn|trên|sau"
_MOST = r"at most|maximum(?: of)?|up to|no more than|less than|under|below|before|tối đa|nhiều nhất|không quá|dưới|trước"
_BOUND = re.compile(
    rf"\b(?:(?P<least>{_LEAST})|(?P<most>{_MOST})) (?:(?!\b(?:{_LEAST}|{_MOST})\b)[^\W\d]+ ){{0,3}}(?P<number>\d[\d.,]*)(?![\w:])"
)
"""A number with the side on which it bounds: “at most 6 students”, “sau buổi thứ 3”."""
_REST = re.compile(r"\b(?:that|other|else|otherwise|later|below|rest|đó|khác|còn lại|ngoài ra)\b")
"""Words of a text that tells both sides of a bound."""
_ALL = re.compile(r"\b(?:mọi|tất cả(?: các)?|bất kỳ|bất cứ|any|all|everyone|everybody|always|unlimited)\b")
_FROM = re.compile(
    rf"\b(?:từ|from|{_LEAST})\s(?P<number>\d[\d.,]*)(?!\s?(?:[:h–-]|giờ|am\b|pm\b|đến|to\b))|\b(?:chỉ|only|trừ|except|nếu|if)\b"
)
_NOT = r"(?:chưa|không|not|never|without|isn['’]t|aren['’]t)"
_DENIED = re.compile(rf"\b{_NOT} (?P<said>[^\W\d]+(?: [^\W\d]+){{0,2}})|\bun(?P<prefixed>[a-z]{{4,20}})\b")
_MODAL = frozenset(
    ("được", "có", "cần", "phải", "thể", "be", "been", "yet", "any", "a", "the", "allowed", "needed", "required")
)
_LEAD = re.compile(
    rf"^\W*(?:(?:[Dd]ạ|[Vv]âng|[Yy]es|[Nn]o)\W+)?((?:[^\W\d_]+ )?[{CAPITAL}][^\W\d_]*(?: [{CAPITAL}][^\W\d_]*){{0,3}})"
)


def reverses(clause: Clause, pool: Sequence[Clause], *, is_foreign: bool) -> bool:
    """Whether the clause says the reverse of what one of ``pool`` says. ``is_foreign``: these are in another language."""
    if _is_of_another(clause, pool, is_foreign=is_foreign) or _reverses_bound(clause, pool):
        return True
    return not is_foreign and (_widens(clause, pool) or _drops_denial(clause, pool))


def _reverses_bound(clause: Clause, pool: Sequence[Clause]) -> bool:
    """Whether it bounds a number from the other side than all that affirm, or deny, the same number."""
    mine = dict(_bounds(clause.text))
    like = [one for one in pool if one.is_denied == clause.is_denied and not _REST.search(one.said)]
    for number, side in mine.items():
        theirs = {found for one in like for value, found in _bounds(one.text) if value == number}
        if theirs and side not in theirs:
            return True
    return False


def _bounds(text: str) -> Iterator[tuple[str, str]]:
    said = _ORDINAL.sub(lambda found: _ORDINALS[found[0]], in_digits(text))
    for match in _BOUND.finditer(said):
        yield match["number"].rstrip(".,"), "least" if match["least"] else "most"


def _widens(clause: Clause, pool: Sequence[Clause]) -> bool:
    """Whether it says of all what the clause that speaks most of it says from a number on, or of some only."""
    if clause.is_denied or not _ALL.search(clause.said) or _FROM.search(clause.said):
        return False
    most = max((len(clause.words & one.words) for one in pool), default=0)
    near = [one for one in pool if most and len(clause.words & one.words) == most]
    return bool(near) and all(_FROM.search(one.said) and not _ALL.search(one.said) for one in near)


def _drops_denial(clause: Clause, pool: Sequence[Clause]) -> bool:
    """Whether it affirms of something used what a source affirms of what is not used."""
    if clause.is_denied:
        return False
    said = f" {_plain(clause.said)} "
    for phrase in {found for one in pool if clause.words & one.words for found in _denied(one.said)}:
        bare = f" {phrase} "
        if bare not in said or re.search(rf"\b{_NOT} {re.escape(phrase)}\b", clause.said):
            continue
        if not any(bare in re.sub(rf"\b{_NOT} {re.escape(phrase)}\b", " ", f" {_plain(one.said)} ") for one in pool):
            return True
    return False


def _denied(said: str) -> Iterator[str]:
    for match in _DENIED.finditer(said):
        rest = match["prefixed"].split() if match["prefixed"] else match["said"].split()
        while rest and rest[0] in _MODAL:
            rest.pop(0)
        if match["prefixed"] or (len(rest) > 1 and telling(" ".join(rest))):
            yield " ".join(rest)


def _plain(said: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", said))


def _is_of_another(clause: Clause, pool: Sequence[Clause], *, is_foreign: bool) -> bool:
    """Whether it says of one who is spoken of what the clauses that hold most of it say of somebody else."""
    leads = {one: lead_of(one.in_front or one.text) for one in pool if not (one.is_record or one.is_title)}
    mine = (lead_of(clause.text) | {name.removeprefix("=") for name in clause.names}) & frozenset().union(*leads.values())
    if not mine or not leads:
        return False
    told = clause.words - mine
    shared = {one: _shared(clause, one, told - lead, is_foreign=is_foreign) for one, lead in leads.items()}
    most = max(shared.values())
    best = [one for one, count in shared.items() if count == most]
    lower = {word for one in pool for word in re.findall(r"\b[a-zà-ỹ]+\b", one.text)}
    named = [one for one in best if leads[one] - {fold(word) for word in lower}]
    return most >= 2 and len(named) == len(best) and not any(mine & _names_of(one) for one in best)


def _shared(clause: Clause, one: Clause, told: frozenset[str], *, is_foreign: bool) -> int:
    values = len({each[:2] for each in clause.quantities} & {each[:2] for each in one.quantities})
    return 2 * values + (0 if is_foreign and not values else len(told & one.words))


def _names_of(one: Clause) -> frozenset[str]:
    return frozenset(fold(word) for word in re.findall(r"[^\W\d_]+", f"{one.in_front} {one.text}") if word[0].isupper())


def lead_of(sentence: str) -> frozenset[str]:
    """Return the folded names with which a sentence begins, none where it begins with a small word."""
    match = _LEAD.match(sentence)
    said = [fold(word) for word in match[1].split() if word[0].isupper()] if match else []
    return frozenset(said) - STOP_WORDS["en"] - {"thay", "co", "ms", "mr", "mrs", "bac", "si"}
