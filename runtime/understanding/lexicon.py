"""The one home of words that say little: of politeness, of agreeing and refusing, and around what a text is about.

All are folded (``tenants.text.fold``). What tells a text from another is what is left: see ``telling``.
"""

from collections.abc import Iterable
from functools import lru_cache

from tenants.text import STOP_WORDS, detect_language, words

ENDINGS = ("ment", "ing", "ies", "ed", "er", "s")
"""By which English words of one stem differ; no syllable of Vietnamese that is longer than one of them ends so."""

SIBILANT_PLURALS = ("sses", "xes", "ches", "shes")
"""Whose “e” belongs to the ending: “boxes”, not “prices”."""

LATE_ENDINGS = ("e", "y")
"""Taken from long words only: syllables of Vietnamese end so, too."""

SHORTEST, LONG = 3, 5
"""Letters of a stem, and of a word that loses one of ``LATE_ENDINGS``."""


def _set(spaced: str) -> frozenset[str]:
    return frozenset(words(spaced))


AGREEING = _set(
    "yes yeah yep yup ok okay oke okie sure please do correct right alright fine good definitely absolutely y "
    "co vang da u uh um uhm duoc dong y chuan roi"
)
"""Of which one at least says yes."""

REFUSING = _set("no not nope don t khong ko k chua khoi")
"""Of which none may be in a yes."""

POLITE = _set("a ah ai anh chi em ban shop oi nhe nha di thanks thank you cam on vui long xin giup voi that would be great")
"""That say nothing beside it."""

GREETING = _set("hello hi hey bye goodbye morning afternoon evening night chao xin tam biet ok oke shop ban")
"""That open and close a conversation."""

AROUND = _set(
    "so very much lot lots again there all everyone guys team friend dear sir madam today later soon then now for your the "
    "and it is me i am just kind help time have day one "
    "nhieu lam qua rat nha ad admin moi nguoi buoi sang trua chieu toi hen gap lai sau da vang a tat ca"
)
"""That may stand around what is said for politeness."""

OPENING = _set(
    "hi hello hey so and also but ok okay please excuse me sorry hmm well shop oi ad admin em anh chi ban cho hoi minh toi a"
)
"""With which a question may open before it asks."""

ASKING_IF = _set("do does did is are was were can could will would may might should shall have has am any")
"""With which an English question begins that is answered by yes or no."""

ASKING_IF_AT_END = _set("khong ko kg hong hok chua")
"""Of which one is among the last words of such a question in Vietnamese."""

UNTELLING = _set(
    "much many often long soon far also still really ever very any there please tell know want need help like make "
    "take get give go shop store you guys hi hello hey thanks thank okay yes one ones thing things kind kinds sort "
    "per each more most less only too ve ll re "
    "dạ vâng ạ nhé bạn tôi mình giúp biết muốn cần thông tin thì có được không bao nhiêu tiền lâu thế nào khi đâu ơi"
)
"""Of a question, that carry no topic although they are no small words of the language."""

ANSWERING = _set(
    "hello hi hey welcome thank thanks sorry apologies apologise apologize glad happy pleased pleasure great good nice fine "
    "wonderful perfect sure certainly course absolutely indeed yes no ok okay well help assist assistance question questions "
    "know tell say let want need like would anything something else further more look looking here there now again day "
    "moment hope enjoy bye goodbye feel free ask asking choose choice option options suggest recommend recommendation "
    "found following below right correct unfortunately "
    "interested note based information according mean also too very really much many one two "
    "cảm ơn xin chào tạm biệt dạ vâng ạ bạn quý khách giúp hỗ trợ thêm gì nữa vui lòng rất tiếc tốt hay nhé chúc ngày "
    "lành hỏi câu biết thông tin cho shop mình em anh chị gợi ý tư vấn quan tâm hiện hiện tại cũng sẵn sàng luôn theo"
)
"""Of an answer, that claim nothing: courtesy, and talk about asking and answering."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a folded word without the endings that words of one stem may differ by: “delivered”, “delivery” to “deliv”."""
    if word.endswith(SIBILANT_PLURALS):
        return stem(word[:-2])
    if len(word) >= LONG and word.endswith(LATE_ENDINGS):
        return stem(word[:-1])
    ending = next((one for one in ENDINGS if word.endswith(one) and len(word) - len(one) >= SHORTEST), None)
    return stem(word.removesuffix(ending)) if ending else word


def stems(said: Iterable[str]) -> frozenset[str]:
    """Return the stems of folded words."""
    return frozenset(stem(word) for word in said)


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """Return the stems of all words of a text. Kept: the same texts are found again and again."""
    return stems(words(text))


@lru_cache(maxsize=4096)
def telling(text: str) -> frozenset[str]:
    """Return the stems of the words that say what a text is about; empty when there are none."""
    return stems(set(words(text)) - STOP_WORDS[detect_language(text)] - UNTELLING)
