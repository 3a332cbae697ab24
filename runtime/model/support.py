"""Whether a sentence of the model rests on anything: on a source it cites, or on words that stand in what this turn knows.

Telling words are those that are neither small (“the”, “của”) nor courtesy (“thank”, “giúp”), by their stems without marks;
number words count as numbers. What the customer says supports nothing (a model likes to agree), but where
tools have answered it: they were asked with it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from runtime.model.bearing import Bearing
from runtime.model.clauses import CHECKED, Clause, Passage, read, telling
from runtime.model.contacts import unknown_contact
from runtime.model.invented import invented_name
from runtime.model.naming import colours_known
from runtime.model.quantities import in_digits
from runtime.understanding.facets import is_yes_or_no
from runtime.understanding.lexicon import stems_of
from runtime.understanding.topics import asked_units, units_of
from tenants.text import detect_language, fold, words

CITED, COUNTED, UNCITED = 0.25, 0.4, 0.65
"""Share of a sentence's telling words that must stand in the sources: of one that cites a source, of one that cites none and names
times or numbers that they have, and of any other.
"""
LONGEST_ECHO = 8
"""So many words in a row of the instructions are a recital of them."""
LONGEST_GREETING = 8
"""Words of a sentence that greets, names in it included."""
LONGEST_REQUEST = 16
LONGEST_HEARD = 1000
"""Characters of a message in which numbers are looked for that a reply may repeat."""

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
_YES = re.compile(
    r"^\W*(?:dạ\W+|vâng\W+)?(?:yes|yeah|yep|sure|certainly|of course|absolutely|definitely|có|được|vâng|dạ|đúng|tất nhiên)\b",
    re.IGNORECASE,
)
_SURELY = re.compile(r"^\W*(?:yes|yeah|yep|of course|certainly|absolutely|definitely)\b", re.IGNORECASE)
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


@dataclass
class Support:
    """What sentences may rest on. ``sources``: their texts, by their numbers from 1; ``others``: what else is known to us,
    such as results of tools; ``prompt``: the version's instructions; ``rules``: ours, which prove nothing.
    """

    sources: Sequence[Passage] = ()
    others: Sequence[str] = ()
    said: Sequence[str] = ()
    """The customer's words: they name numbers, and prove nothing."""
    prompt: str = ""
    rules: str = ""
    question: str = ""
    """The message that is answered."""
    _known: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._known = set(_stems(self._texts))

    @cached_property
    def _texts(self) -> str:
        return "\n".join((*map(str, self.sources), *self.others, self.prompt))

    def is_given(
        self,
        sentence: str,
        cited: Sequence[int],
        *,
        rests_on_tools: bool = False,
        named: Callable[[str], frozenset[UUID]] = lambda _said: frozenset(),
    ) -> bool:
        """Whether the sentence says nothing, asks, or rests on what is known. ``cited``: the numbers behind it;
        ``rests_on_tools``: tools have told the model something in this turn, which has no numbers; ``named``: the offerings that
        a clause speaks of.
        """
        if any(not 1 <= number <= len(self.sources) for number in cited):
            return False
        if unknown_contact(sentence, "\n".join((self._texts, *self.said))):
            return False
        if not self._is_borne_out(sentence, cited, named):
            return False
        if not is_no_claim(sentence) and self._invents(sentence, cited, rests_on_tools=rests_on_tools):
            return False
        said = telling(sentence)
        if not said or is_no_claim(sentence):
            return True
        known = self._known.union(*map(_stems, self.said)) if rests_on_tools else self._known
        share = len(said & known) / len(said)
        if cited and not self._is_in_their_language(sentence, cited):
            return True  # words of two languages cannot be compared
        is_claimed = (cited or self._is_comparable) and not rests_on_tools and not _NEGATING.search(sentence)
        has_values = any(clause.clocks or clause.quantities for clause in read(sentence))
        tells_more = has_values and share >= UNCITED and not _YES.match(sentence)
        if is_claimed and not tells_more and not self._unknown.isdisjoint(units_of(sentence).single):
            return False
        return share >= (CITED if cited or rests_on_tools else COUNTED if has_values else UNCITED)

    def _is_borne_out(self, sentence: str, cited: Sequence[int], named: Callable[[str], frozenset[UUID]]) -> bool:
        """Whether no clause has a value that its sources lack, or says the opposite of them."""
        clauses, is_repeating = read(sentence), is_no_claim(sentence)
        bearings = [(clause, self._bearing(cited, named(clause.text))) for clause in clauses]
        if not all(one.holds(clause, is_repeating=is_repeating or clause.is_denied) for clause, one in bearings):
            return False
        if is_repeating:
            return True
        if _YES.match(sentence) and self._denies_question(sentence, clauses, cited):
            return False
        is_foreign = bool(cited) and not self._is_in_their_language(sentence, cited)
        return not any(one.denies(clause, clause.words, is_foreign=is_foreign) for clause, one in bearings)

    def _invents(self, sentence: str, cited: Sequence[int], *, rests_on_tools: bool) -> bool:
        """Whether it names what nothing known to us holds: with tools the customer's words were asked about, too."""
        texts = "\n".join(str(self.sources[number - 1]) for number in cited) if cited else self._texts
        known = "\n".join((texts, *self.others, self.prompt, *(self.said if rests_on_tools else ())))
        return bool(invented_name(sentence, known, "\n".join(self.said)))

    def _denies_question(self, sentence: str, clauses: list[Clause], cited: Sequence[int]) -> bool:
        """Whether the sources deny what a yes says yes to."""
        bearing, asked = self._bearing(cited, frozenset()), telling(self.question)
        if any(clause.is_denied for clause in clauses) or not (is_yes_or_no(self.question) or _SURELY.match(sentence)):
            return False
        if cited and not self._is_in_their_language(sentence, cited):
            return bearing.denies_all() and not any(clause.clocks or clause.quantities for clause in clauses)
        return bearing.denies(Clause(f"{self.question}?"), asked)

    def _bearing(self, cited: Sequence[int], named: frozenset[UUID]) -> Bearing:
        passages = [self.sources[number - 1] for number in cited] or self.sources
        others = [Passage("", text) for text in (*self.others, self.prompt) if text]
        heard = [Passage("", text[:LONGEST_HEARD]) for text in self.said]
        return Bearing(passages, others, heard, detect_language(self.question), named)

    @cached_property
    def _unknown(self) -> set[str]:
        """The telling words of a question that is answered by yes or no which nothing known to us holds, under no other name of the
        same topic: a model likes to agree with them.
        """
        if not is_yes_or_no(self.question):
            return set()
        return (
            set(asked_units(self.question).single)
            - self._known
            - units_of(self._texts).single
            - CHECKED
            - colours_known(self._texts)
        )

    @cached_property
    def _is_comparable(self) -> bool:
        """Whether most sources are in the language of the question."""
        is_vietnamese = detect_language(self.question) == "vi"
        return sum(is_marked(str(source)) == is_vietnamese for source in self.sources) * 2 >= len(self.sources)

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
            shares = [len(told & _stems(str(source))) / max(len(told), 1) for source in self.sources]
            most = max(shares, default=0)
            found |= {place for place, share in enumerate(shares, 1) if most >= CITED and share == most}
        return sorted(found)

    def _is_in_their_language(self, sentence: str, cited: Sequence[int]) -> bool:
        spoken = is_marked(sentence)
        return any(is_marked(str(self.sources[number - 1])) == spoken for number in cited)

    def recites(self, said: str) -> bool:
        """Whether the reply so far repeats a long run of the instructions that stands in no source."""
        run = _runs(said) & _runs(f"{self.prompt}\n{self.rules}")
        return bool(run - _runs("\n".join((*map(str, self.sources), *self.others))))


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


def is_marked(text: str) -> bool:
    """Whether more than a fifth of the words have letters with marks, as in Vietnamese."""
    spoken = text.lower().split()
    return sum(fold(word) != word for word in spoken) * 5 > len(spoken)


def _stems(text: str) -> frozenset[str]:
    """Return the words of a text as they are compared."""
    return stems_of(in_digits(text))


def _runs(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    return {tuple(said[place : place + LONGEST_ECHO]) for place in range(len(said) - LONGEST_ECHO + 1)}
