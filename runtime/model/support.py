"""Whether a sentence of the model rests on anything: on a source it cites, or on words that stand in what this turn knows.

Telling words are those that are neither small (“the”, “của”) nor courtesy (“thank”, “giúp”), by their stems without marks;
number words count as numbers. What the customer says supports nothing (a model likes to agree), but where
tools have answered it: they were asked with it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runtime.model.times import moments_stand, spans_stand
from runtime.understanding.facets import is_yes_or_no
from runtime.understanding.lexicon import ANSWERING, stems, stems_of
from tenants.text import STOP_WORDS, detect_language, fold, words

CITED, UNCITED = 0.25, 0.65
"""Share of a sentence's telling words that must stand in the sources: of one that cites a source, and of one that cites none."""
LONGEST_ECHO = 8
"""So many words in a row of the instructions are a recital of them."""
LONGEST_GREETING = 8
"""Words of a sentence that greets, names in it included."""
LONGEST_REQUEST = 16

_GREETING = re.compile(
    r"^\W*(?:dạ\W+)?(?:hello|hi|hey|welcome|thanks?|good (?:morning|afternoon|evening)|chào|xin chào|cảm ơn)\b", re.I
)
_REQUEST = re.compile(
    r"^\W*(?:(?:please|just|kindly|simply) )*(?:let me know|tell me|give me|send me|share)\b"
    r"|^\W*(?:dạ,? )?(?:bạn|anh|chị|nếu|hãy|vui lòng|xin)\b.*\b(?:cho|nhắn|gửi|báo) (?:mình|em|shop|tôi)\b",
    re.IGNORECASE,
)
"""That asks the customer for something without a question mark."""
_UNABLE = re.compile(
    r"\bi(?:(?: am|['’]m| do| could| can) ?not| don['’]t| can['’]t| couldn['’]t)\b"
    r"|\bi(?: have|'ve) no\b|\b(?:mình|em|tôi|shop)(?: \w+)? (?:không|chưa|ko) (?:biết|chắc|thể|rõ|tìm|làm|có thông tin)",
    re.IGNORECASE,
)
"""That the bot does not know, or cannot: claims nothing of the shop."""
_NEGATING = re.compile(r"\b(?:no|not|never|without|only|except|không|chưa|chẳng|ko|chỉ|trừ)\b|n['’]t\b", re.IGNORECASE)
_DENYING = re.compile(r"\b(?:no|not|never|closed|except|không|chưa|nghỉ|đóng cửa|trừ)\b|n['’]t\b", re.IGNORECASE)
_YES = re.compile(
    r"^\W*(?:dạ\W+|vâng\W+)?(?:yes|yeah|yep|sure|certainly|of course|absolutely|definitely|có|được|vâng|dạ|đúng|tất nhiên)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:prepared|placed|created|made|confirmed|submitted|booked|reserved|completed)\b(?: \w+){0,4} (?:order|booking)\b"
    r"|\border(?: #?\w+){0,3} (?:is|was|has been|have been)(?: \w+)? ?(?:prepared|placed|created|confirmed|submitted|booked|ready|made)\b"
    r"|\b(?:đã|vừa|da)(?: \w+){0,4} (?:đặt|tạo|lên|chuẩn bị|chốt|xác nhận)(?: \w+){0,4} đơn\b"
    r"|\bđơn(?: hàng)?(?: \w+){0,4} (?:đã|vừa|đang)(?: được)? (?:đặt|tạo|lên|chuẩn bị|chốt|xác nhận)\b",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:order|place|buy|book|reserve|confirm|purchase|proceed|go ahead)\b|\b(?:đặt|chốt|lên đơn|xác nhận|mua)\b",
    re.IGNORECASE,
)
_UNIT = r"kg|g|grams?|cm|mm|m|km|ml|l|lit(?:er|re)s?|inch(?:es)?|lit|gam"
_MEASURE = re.compile(rf"(?<![\d.,])(\d{{1,4}}(?:[.,]\d{{1,2}})?) ?(?:{_UNIT})\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ENGLISH = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
)
_VIETNAMESE = ("hai", "ba", "bốn", "", "sáu", "bảy", "tám", "chín", "mười")  # “năm” is a year as well
_NUMBERS = {word: str(number) for said in (_ENGLISH, _VIETNAMESE) for number, word in enumerate(said, start=2) if word}
_WORDED = re.compile(rf"\b(?:{'|'.join(_NUMBERS)})\b", re.IGNORECASE)
_CHECKED = frozenset(
    words(
        "cost costs price prices priced pay stock available unavailable left pieces piece total altogether sale discount off "
        "budget under below within over above between less than cheap cheaper cheapest vnd usd dong million thousand "
        "sold out giờ giá tiền còn hàng hết cái chiếc sản phẩm phí tổng cộng đồng triệu nghìn ngàn giảm ngân sách dưới trên khoảng"
    )
)
"""Words of amounts, stock and hours, which are checked apart."""
_SILENT = stems(STOP_WORDS["en"] | STOP_WORDS["vi"] | ANSWERING | _CHECKED)
"""Stems that support nothing and need no support."""


@dataclass
class Support:
    """What sentences may rest on. ``sources``: their texts, by their numbers from 1; ``others``: what else is known to us,
    such as results of tools; ``prompt``: the version's instructions; ``rules``: ours, which prove nothing.
    """

    sources: Sequence[str] = ()
    others: Sequence[str] = ()
    said: Sequence[str] = ()
    """The customer's words: they name numbers, and prove nothing."""
    prompt: str = ""
    rules: str = ""
    question: str = ""
    """The message that is answered."""
    _known: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._known = set(_stems("\n".join((*self.sources, *self.others, self.prompt))))

    def is_given(self, sentence: str, cited: Sequence[int], *, rests_on_tools: bool = False) -> bool:
        """Whether the sentence says nothing, asks, or rests on what is known. ``cited``: the numbers behind it;
        ``rests_on_tools``: tools have told the model something in this turn, which has no numbers.
        """
        if any(not 1 <= number <= len(self.sources) for number in cited):
            return False
        if not self._has_measures(sentence) or not self._has_times(sentence, cited):
            return False
        said = telling(sentence)
        if not said or is_no_claim(sentence):
            return True
        known = self._known.union(*map(_stems, self.said)) if rests_on_tools else self._known
        share = len(said & known) / len(said)
        if cited and not self._is_in_their_language(sentence, cited):
            return True  # words of two languages cannot be compared
        is_claimed = (cited or self._is_comparable) and not rests_on_tools and not _NEGATING.search(sentence)
        if is_claimed and not self._unknown.isdisjoint(said):
            return False
        return share >= (CITED if cited or rests_on_tools else UNCITED)

    @cached_property
    def _unknown(self) -> set[str]:
        """The telling words of a question that is answered by yes or no which nothing known to us holds: a model likes to agree with
        them.
        """
        return telling(self.question) - self._known if is_yes_or_no(self.question) else set()

    @cached_property
    def _is_comparable(self) -> bool:
        """Whether most sources are in the language of the question."""
        is_vietnamese = detect_language(self.question) == "vi"
        return sum(is_marked(source) == is_vietnamese for source in self.sources) * 2 >= len(self.sources)

    def agrees_blindly(self, said: Sequence[str]) -> bool:
        """Whether a whole reply says nothing but yes, to a question of what nothing known to us holds."""
        says_yes = any(_YES.match(sentence) for sentence in said)
        is_blind = says_yes and bool(self._unknown) and self._is_comparable
        return is_blind and not any(map(telling, said)) and not any(map(is_no_claim, said))

    def holding(self, said: Sequence[str]) -> list[int]:
        """Return the numbers of the sources that hold the sentences: of each, those that hold most of its telling words."""
        found: set[int] = set()
        for sentence in said:
            told = telling(sentence)
            shares = [len(told & _stems(source)) / max(len(told), 1) for source in self.sources]
            most = max(shares, default=0)
            found |= {place for place, share in enumerate(shares, 1) if most >= CITED and share == most}
        return sorted(found)

    def _is_in_their_language(self, sentence: str, cited: Sequence[int]) -> bool:
        spoken = is_marked(sentence)
        return any(is_marked(self.sources[number - 1]) == spoken for number in cited)

    def _has_measures(self, sentence: str) -> bool:
        """Whether each weight or length is a number that stands in the sources or was named by the customer."""
        said = set(_MEASURE.findall(fold(_in_digits(sentence))))
        known = _in_digits("\n".join((*self.sources, *self.others, *self.said, self.prompt)))
        return said <= set(_NUMBER.findall(known)) if said else True

    def _has_times(self, sentence: str, cited: Sequence[int]) -> bool:
        """Whether each time, day of the week and span of time stands in the sources cited, or in what has no number. The customer's
        words count for what only repeats them: a question, a denial; spans in them also where nobody says yes to them.
        """
        sources = [self.sources[number - 1] for number in cited] or self.sources
        texts = (*sources, *self.others, self.prompt)
        heard = (*texts, *self.said)
        is_repeating = is_no_claim(sentence) or bool(_DENYING.search(sentence))
        spans_in = heard if is_repeating or not _YES.match(sentence) else texts
        moments_in = heard if is_repeating else texts
        return spans_stand(sentence, spans_in, _in_digits) and moments_stand(sentence, moments_in, _in_digits)

    def recites(self, said: str) -> bool:
        """Whether the reply so far repeats a long run of the instructions that stands in no source."""
        run = _runs(said) & _runs(f"{self.prompt}\n{self.rules}")
        return bool(run - _runs("\n".join((*self.sources, *self.others))))


def is_no_claim(sentence: str) -> bool:
    """Whether the sentence asks, greets, or owns up to not knowing."""
    bare = sentence.strip(" \n\"'”’)")
    if bare.endswith(("?", "？")):
        return True
    if _GREETING.match(bare) and len(words(bare)) <= LONGEST_GREETING:
        return True
    if _REQUEST.match(bare) and len(words(bare)) <= LONGEST_REQUEST:
        return True
    return bool(_UNABLE.search(bare))


def claims_order(sentence: str) -> bool:
    """Whether the sentence tells of an order that was prepared or placed."""
    return bool(_ORDER.search(sentence)) and not sentence.strip().endswith("?")


def offers_order(sentence: str) -> bool:
    """Whether the sentence asks if it is to order something."""
    return bool(_OFFER.search(sentence)) and sentence.rstrip(" \n\"'”’)").endswith(("?", "？"))


def telling(text: str) -> set[str]:
    """Return the stems that tell what a text claims, without numbers: those are checked apart."""
    return {word for word in _stems(text) if not any(map(str.isdigit, word))} - _SILENT


def is_marked(text: str) -> bool:
    """Whether more than a fifth of the words have letters with marks, as in Vietnamese."""
    spoken = text.lower().split()
    return sum(fold(word) != word for word in spoken) * 5 > len(spoken)


def _stems(text: str) -> frozenset[str]:
    """Return the words of a text as they are compared."""
    return stems_of(_in_digits(text))


def _in_digits(text: str) -> str:
    return _WORDED.sub(lambda found: _NUMBERS[found[0].lower()], text.lower())


def _runs(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    return {tuple(said[place : place + LONGEST_ECHO]) for place in range(len(said) - LONGEST_ECHO + 1)}
