"""Cuts what is said into clauses and reads each once: what it names, counts, affirms or denies. Replies and sources alike.

A clause ends where another begins to tell of something else: at a comma or a coordinator behind which a value stands with a
subject of its own (“Mon-Sat 8-20, Sunday 8-12”), and where denying begins or ends. A list of days or names stays whole, and so
does a row of a table. Vietnamese and English.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import NamedTuple
from uuid import UUID

from runtime.model import moments
from runtime.model.claims import amounts_in, free_in
from runtime.model.contacts import CAPITAL
from runtime.model.quantities import Quantity, all_numbers, bare_numbers, cells_in, in_digits, quantities_in
from runtime.model.sentences import split
from runtime.understanding.lexicon import ANSWERING, stem, stems
from runtime.understanding.tokens import Message
from runtime.understanding.topics import DAYS, SPELLED, units_of
from tenants.text import STOP_WORDS, Language, detect_language, fold, nfc, words

_CUT = re.compile(
    r"[;\n]|,(?=\s)|\(|\)|(?<![\d])\s[-–—](?=\s\D)|\s[•|](?=\s)"
    r"|\s(?=(?:and|but|while|whereas|although|though|however|except|và|nhưng|tuy nhiên|trừ|ngoại trừ)\s)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(rf"(?<=[\w,:] )[{CAPITAL}][^\W\d_]*")
_DAY_NAME = re.compile(r"\b(?:[Tt]hứ [\w]+|[Cc]hủ [Nn]hật|CN|T[2-8]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*)")
_VALUE = re.compile(
    r"\d|\bfree\b|\bmiễn phí\b|\bkhông (?:mất|tính|thu) phí\b|\bno charge\b"
    r"|\b(?:noon|midday|midnight|nửa đêm|lifetime|lifelong|for life|trọn đời|vĩnh viễn)\b"
)
_PARTICLE = re.compile(
    r"^\W*(?:(?:(?:dạ|vâng|yes|yeah|yep|no|nope|sorry|sure|certainly|of course|absolutely|definitely|xin lỗi|rất tiếc|unfortunately"
    r"|(?:không|chưa) được|có|không|chưa|đúng|được|tất nhiên)(?: (?:ạ|rồi|vậy|chứ|em|bạn|đâu))*(?=\s*[,.!;:]|\s*$)|dạ\b|vâng\b)"
    r"[\s,.!;:]*){1,3}",
    re.IGNORECASE,
)
"""Yes, no and politeness in front, which say nothing of what follows."""
_NO = re.compile(r"^\W*(?:dạ\W+)?(?:no|nope|không|unfortunately|rất tiếc)\b", re.IGNORECASE)
_VERDICT = re.compile(r"^\W*(?:dạ\W+)?(?:yes|no|có|không|được)(?: (?:ạ|em|bạn|nhé))*\s*[,.!;:]\s*", re.IGNORECASE)
"""With which the answer to a question opens."""
_CONDITION = re.compile(
    r"^\W*(?:if|unless|when|nếu|khi)\b[^,]*,|\b(?:if|unless|nếu|trừ khi|only after|only when)\b(?:(?!\b(?:but|nhưng)\b|;).)*",
    re.DOTALL,
)
_DENYING = re.compile(
    r"\bnot?\b(?! (?:only|problem|worries|charge|cost|fee|extra|later than|more than|less than|just)\b)|n['’]t\b"
    r"|\b(?:never|cannot|neither|nor|none|nobody|nothing)\b"
    r"|\b(?:closed|unsafe|dangerous|harmful|forbidden|prohibited|banned|avoid|impossible|unavailable|excluded|except|refused?)\b"
    r"|\b(?:should|must|better|please|to) (?:wait|postpone)\b"
    r"|\b(?:không|ko)\b(?! (?:chỉ|những|gian|khí|dây|mất|tính|thu|tốn|quá|sao)\b)"
    r"|\b(?:chưa|chẳng|chả|đừng|tránh|cấm|hoãn|trừ|nguy hiểm|có hại|chống chỉ định)\b|\b(?:hãy|nên|phải) (?:đợi|chờ)\b"
    r"|\bnghỉ\b(?! (?:trưa|dưỡng|ngơi|mát))|\bđóng cửa\b(?! (?:lúc|vào|sau|từ|trước|muộn|\d))"
)
"""Words that deny what their clause says. Not “no charge”, “không mất phí”, which give."""
_STRONG = re.compile(r"^\W*(?:but|while|whereas|however|nhưng|còn|riêng|tuy nhiên)\b")
_PREDICATE = re.compile(r"\b(?:is|are|was|were|can|may|will|do|does|has|have|thì|là|được|có thể|vẫn|nên)\b")

CHECKED = frozenset(
    words(
        "cost costs price prices priced pay stock available unavailable left pieces piece total altogether sale discount off "
        "budget under below within over above between less than cheap cheaper cheapest vnd usd dong million thousand "
        "sold out giờ giá tiền còn hàng hết cái chiếc sản phẩm phí tổng cộng đồng triệu nghìn ngàn giảm ngân sách dưới trên khoảng"
    )
)
"""Words of amounts, stock and hours, which are checked apart."""
_SMALL = STOP_WORDS["vi"]
_FOLDED_LIKE = frozenset(("than", "off", "left"))
"""Words of English that telling ones of Vietnamese are folded like: “thân”."""
_SILENT = stems(STOP_WORDS["en"] | STOP_WORDS["vi"] | ANSWERING | CHECKED)
"""Stems that support nothing and need no support."""
_COUNTING = stems(
    words(
        "minute hour day week month year night guest person people old hr min phút tiếng ngày tuần tháng năm đêm tuổi người khách "
        "kg gram km cm mm ml lit until till from to every daily pm am noon midnight sáng trưa chiều tối buổi lúc đến tới "
        "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun thứ chủ nhật "
        "re ve ll not never cannot no closed except trừ không chưa nghỉ only chỉ"
    )
)
"""Stems that belong to a value or to denying, and to no subject."""


@dataclass(frozen=True)
class Clause:
    """One clause. ``around``: what its sentence says before it, and the title it stands under; ``about``: the offering whose source it
    is of; ``is_record``: a row of a table, or an attribute.
    """

    text: str
    around: str = ""
    about: UUID | None = None
    is_record: bool = False
    is_title: bool = False
    before: frozenset[int] = frozenset()
    """Days of the clauses before it."""
    previous: str = ""
    """The clause before it in its sentence."""
    in_front: str = ""
    """What its sentence says before it."""

    @cached_property
    def said(self) -> str:
        """The text in lower case, numbers as digits."""
        return in_digits(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of its own subject, else of that of the clause before, and its topics, which are the same in both languages."""
        return _subject(self.text) or _subject(self.previous)

    @cached_property
    def all_words(self) -> frozenset[str]:
        """These, and those of what stands around it."""
        return self.words | _subject(self.around)

    @cached_property
    def names(self) -> frozenset[str]:
        """What it writes with a capital behind a word, apart from days: small words of a language are names, too (“Hà”)."""
        return _names_in(self.text)

    @cached_property
    def is_denied(self) -> bool:
        """Whether it says that something is not so."""
        return not self.is_title and denies(self.text)

    @cached_property
    def clocks(self) -> tuple[moments.Clock, ...]:
        """Every time that it may name."""
        return moments.clocks_in(self.said)

    @cached_property
    def days(self) -> frozenset[int]:
        """The days it names or means, else those of the clauses before it."""
        own = self.named_days | moments.implied_days(self.said)
        return own or (self.before if self.clocks else own)

    @cached_property
    def named_days(self) -> frozenset[int]:
        """The days it names."""
        return moments.named_days(self.said)

    @cached_property
    def quantities(self) -> frozenset[Quantity]:
        """What it counts, with units."""
        return quantities_in(self.said)

    @cached_property
    def families(self) -> frozenset[str]:
        """What kinds of values it has."""
        return frozenset(one.family for one in self.quantities)

    @cached_property
    def numbers(self) -> frozenset[object]:
        """Every number in it."""
        return frozenset(all_numbers(self.said))

    @cached_property
    def amounts(self) -> frozenset[Decimal]:
        """The amounts of money in it; 0 where it says that something costs nothing."""
        message = Message(self.text)
        named = frozenset(one.value for one in amounts_in(message, detect_language(self.text)))
        return named | {Decimal(0)} if free_in(message) else named

    @cached_property
    def cells(self) -> frozenset[object]:
        """The numbers that are whole values of attributes."""
        return frozenset(cells_in(self.said)) if self.is_record else frozenset()

    def bare_numbers(self, language: Language) -> frozenset[object]:
        """The numbers in it that are nothing else."""
        return frozenset(bare_numbers(self.said, language))


class Passage(NamedTuple):
    """A text that was found: ``about`` the offering it is of."""

    title: str
    text: str
    about: UUID | None = None

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}"


@lru_cache(maxsize=512)
def clauses_of(passage: Passage) -> tuple[Clause, ...]:
    """Return the clauses of a text, that of its title first. Kept: each sentence of a reply is held against the same sources."""
    title = (
        ()
        if not passage.title or passage.title.rstrip().endswith("?")
        else (Clause(passage.title, about=passage.about, is_title=True),)
    )
    found, before = list[Clause](title), frozenset[int]()
    for sentence in split(passage.text.replace("\\n", "\n")):
        for clause in _cut(sentence, passage.title, passage.about, before):
            before = clause.named_days | moments.implied_days(clause.said) or before
            found.append(clause)
    return tuple(found)


def read(sentence: str) -> list[Clause]:
    """Return the clauses of one sentence of a reply."""
    return list(_cut(sentence, "", None, frozenset()))


def clause_at(place: int, sentence: str) -> tuple[int, int]:
    """Return where the clause begins and ends that a place of the sentence is in."""
    start = 0
    for clause in read(sentence):
        end = sentence.index(clause.text, start) + len(clause.text)
        if place < end:
            return start, end
        start = end
    return start, len(sentence)


def _cut(sentence: str, title: str, about: UUID | None, before: frozenset[int]) -> Iterator[Clause]:
    if is_record(sentence):
        yield Clause(sentence, title, about, is_record=True, before=before)
        return
    verdict = _VERDICT.match(sentence) if title.rstrip().endswith("?") else None
    start = verdict.end() if verdict else 0
    if verdict:
        yield Clause(verdict[0], title, about, before=before)
    previous = ""
    for end in [*(end for end in _ends(sentence) if end > start), len(sentence)]:
        if sentence[start:end].strip():
            around = f"{title} {sentence[:start]}"
            clause = Clause(sentence[start:end], around, about, before=before, previous=previous, in_front=sentence[:start])
            before, previous = clause.named_days or before, clause.text
            yield clause
        start = end


def _ends(sentence: str) -> Iterator[int]:
    """Yield where clauses end but the last."""
    start, last = 0, 0
    for cut in [*(match.end() for match in _CUT.finditer(sentence)), len(sentence)]:
        piece = sentence[last:cut]
        if last > start and _begins(sentence[start:last], piece):
            yield last
            start = last
        last = cut


def _begins(so_far: str, piece: str) -> bool:
    """Whether a piece tells of something else than what was said so far."""
    if not (_has_subject(piece) and (_has_subject(so_far) or _has_value(so_far))):
        return False
    has_value = _has_value(piece)
    if (has_value and _has_value(so_far)) or (_has_days(piece) and _has_days(so_far)):
        return True
    was_denied, is_denied = denies(so_far), denies(piece) and denies(so_far + piece)
    if was_denied == is_denied:
        return False
    return is_denied or has_value or bool(_STRONG.search(piece.lower()) or _PREDICATE.search(piece.lower()))


def _has_value(piece: str) -> bool:
    said = in_digits(piece)
    return bool(_VALUE.search(re.sub(rf"thứ {moments.DAY}|\bt[2-7]\b", " ", said)))


def _has_subject(piece: str) -> bool:
    said = in_digits(piece)
    return bool(moments.named_days(said) or moments.implied_days(said) or _subject(piece))


def _subject(text: str) -> frozenset[str]:
    return (telling(text) - _COUNTING) | topics_of(text)


def _names_in(text: str) -> frozenset[str]:
    return frozenset(f"={fold(name)}" for name in _NAME.findall(_DAY_NAME.sub(" ", text)))


def _has_days(piece: str) -> bool:
    """Whether a piece tells the days of something that it names."""
    return bool(moments.named_days(in_digits(piece)) and (_subject(piece) or _NAME.search(_DAY_NAME.sub(" ", piece))))


@lru_cache(maxsize=4096)
def denies(text: str) -> bool:
    """Whether a piece of it says that something is not so; a denial of a denial does not, nor a condition, nor a question."""
    said = _CONDITION.sub("", _PARTICLE.sub("", text.lower()))
    if not said.strip(" .!"):
        return bool(_NO.match(text))
    return not said.rstrip().endswith("?") and any(len(_DENYING.findall(piece)) % 2 for piece in _CUT.split(said))


def is_record(line: str) -> bool:
    """Whether a line is a row of a table, or an attribute, and so about one thing; not so where it gives the days of several."""
    cells = line.split(";")
    if len(cells) == 1:
        return bool(re.match(r"^\s*[\w ]{1,40}: \S+\s*$", line))
    return line.count(": ") > 1 and sum(bool(moments.named_days(in_digits(cell))) for cell in cells) < 2


@lru_cache(maxsize=4096)
def telling(text: str) -> frozenset[str]:
    """Return the stems that tell what a text claims, without numbers: those are checked apart."""
    said = [word for word in _WORD.findall(nfc(in_digits(text))) if not any(map(str.isdigit, word))]
    return frozenset(stem(fold(word)) for word in said if not _is_silent(word))


def _is_silent(word: str) -> bool:
    """Whether a word supports nothing: as it is spelled, for “tủ”, a cupboard, is folded like “từ”, from."""
    folded = fold(word)
    if not word.isascii() and (folded in _SMALL or folded in _FOLDED_LIKE):
        return word in SPELLED
    return stem(folded) in _SILENT


def undominated(clause: Clause, others: Sequence[Clause], *, with_counted: bool = False) -> list[Clause]:
    """Return those of ``others`` that may speak of what the clause speaks of: none that another surpasses in every word they share
    with it, so that the hours of a Saturday, or the warranty of a crown, are not told of something else. A clause of which none
    speaks goes on about what its sentence spoke of before. ``with_counted``: “the tent for 4 people” is not that for 2.
    """
    said = clause.words | clause.names
    if clause.in_front and not any(said & (one.all_words | one.names) for one in others):
        said = _subject(clause.in_front) | _names_in(clause.in_front)
    counted = _counted(clause) if with_counted else frozenset()
    said |= counted
    shared = {one: _shared(one, said, counted) for one in others}
    kinds = set(shared.values())
    best = {kind for kind in kinds if not any(other.surpasses(kind) for other in kinds)}
    return [one for one in others if shared[one] in best]


def _shared(one: Clause, said: frozenset[str], counted: frozenset[str]) -> "Shared":
    own = one.words | one.names | (_counted(one) & counted)
    return Shared(own & said, (one.all_words | own) & said)


def _counted(clause: Clause) -> frozenset[str]:
    """Return what it counts, and its pairs of words: single syllables of Vietnamese tell little apart."""
    pairs = (f"{one} {other}" for one, other in units_of(clause.text).pairs if one.isalpha() and other.isalpha())
    return frozenset(f"{unit}={value}" for unit, value, _said in clause.quantities).union(pairs)


def topics_of(text: str) -> frozenset[str]:
    """Return the topics that a text names, without that of days, which are read apart."""
    return frozenset(unit for unit in units_of(text).single if unit.startswith("@")) - {f"@{DAYS}"}


class Shared(NamedTuple):
    """The words that two clauses share: of the one itself, and with what stands around it."""

    own: frozenset[str]
    around: frozenset[str]

    def surpasses(self, other: "Shared") -> bool:
        """Whether it holds all that the other holds, and more."""
        is_nearer = other.own < self.own and other.around <= self.around
        return is_nearer or (other.around < self.around and other.own <= self.around)
