"""The one home of words that say little: of politeness, of agreeing and refusing, and around what a text is about.

All are folded (``tenants.text.fold``). What tells a text from another is what is left: see ``telling``.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from runtime.understanding.people import people_in
from tenants.text import STOP_WORDS, Language, detect_language, words

ENDINGS = ("ment", "ing", "ies", "ed", "er", "s")
"""By which English words of one stem differ; no syllable of Vietnamese that is longer than one of them ends so."""

SIBILANT_PLURALS = ("sses", "xes", "ches", "shes")
"""Whose “e” belongs to the ending: “boxes”, not “prices”."""

LATE_ENDINGS = ("e", "y")
"""Taken from long words only: syllables of Vietnamese end so, too."""

SHORTEST, LONG, LONGEST = 3, 5, 30
"""Letters of a stem, of a word that loses one of ``LATE_ENDINGS``, and of one that is no word of a language any more."""


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

PRAISE = _set(
    "service great good awesome excellent amazing wonderful love lovely nice super best helpful fast quick perfect friendly work job staff "
    "food place experience happy satisfied happy with was were really "
    "dich vu tot tuyet voi nhiet tinh chu dao nhanh dep hai long ngon xuat sac phuc vu nhan vien bac si tu van lam qua"
)
"""Of which praise is made, beside thanks; with a “not” it is none."""

Courtesy = Literal["call", "greeting", "thanks", "goodbye", "refusal", "agreement"]

PHRASES: dict[Courtesy, tuple[str, ...]] = {
    "call": (
        *(
            "shop oi",
            "ad oi",
            "admin oi",
            "ban oi",
            "em oi",
            "co ai khong",
            "co ai ko",
            "co ai o do",
            "co ai day",
            "co ai truc",
            "alo",
        ),
        *(
            "anyone there",
            "anyone here",
            "anybody there",
            "anybody here",
            "someone there",
            "you there",
            "are you there",
            "hello shop",
        ),
    ),
    "goodbye": ("bye", "goodbye", "see you", "good night", "tam biet", "hen gap lai"),
    "refusal": ("no", "nope", "nah", "not now", "khong", "ko", "khoi", "thoi"),
    "thanks": ("thank", "thanks", "thx", "tks", "ty", "cheers", "cam on", "camon", "appreciate it"),
    "greeting": (
        *("hello", "hi", "hey", "heya", "hiya", "alo", "chao", "xin chao", "greetings"),
        *("good morning", "good afternoon", "good evening", "good day", "how are you"),
    ),
    "agreement": (
        *("yes", "yeah", "yep", "yup", "ok", "okay", "oke", "okie", "sure", "fine", "alright", "right", "co", "vang", "da"),
        *("uh", "um", "uhm", "duoc", "dong y", "great", "nice", "perfect", "cool", "wow", "haha", "hihi", "lol"),
        *("good", "tuyet", "tot", "tuyet voi", "hay qua", "got it", "i see", "understood", "hieu roi"),
    ),
}
"""Folded phrases of which one must be there; of several meanings the first counts: “no, thanks” declines."""

POLITE_VIETNAMESE = _set(
    "chao xin cam on camon tam biet khong ko khoi thoi vang da duoc dong y tuyet tot anh chi em ban oi nhe nha roi"
)
POLITE_ENGLISH = _set(
    "thank good morning afternoon evening day night see you much so very how are great perfect sure alright"
)
"""Of what is said for politeness, words of one language alone."""

NOT_ALONE = _set("help time day now later today soon sau sang chieu lai")
"""Of ``AROUND``, those that ask something when they stand alone."""

PERSONS = (
    *("person", "human", "human being", "agent", "representative", "colleague", "somebody", "someone", "staff", "operator"),
    *("nhan vien", "tu van vien", "nguoi that", "nguoi tu van", "nguoi ho tro", "con nguoi", "cskh"),
)
"""Who is asked for, folded."""

ASKING = _set(
    "i d we want would like need wish to can could may let me us have get speak talk chat connect transfer put through "
    "contact with a an the real live actual human person member of your team support customer service sales now right away "
    "instead just directly please hello hi hey "
    "toi minh em anh chi cho muon can xin gap noi chuyen tro chat lien he ket noi chuyen may voi tu van ho tro ben "
    "mot nguoi that truc tiep ngay bay gio duoc khong ko vui long nhe a oi shop di hay ai do cua "
    "nhan vien vien con minh giup"
)
"""Folded words such a request is made of."""

CONFIRMING = _set(
    "confirm place order buy go ahead it this that them da xac nhan dat hang chot don luon mua lay dong tien hanh"
)
"""Folded words that a yes to an order is made of besides."""

CANCELLING = _set("no nope cancel khong ko k huy thoi chua stop never mind bo")
"""Folded words of which one at least says no to it."""

ANYTHING = _set(
    "service services dịch vụ any anything something some stuff everything all list catalog catalogue menu sell offer "
    "thing things item items product products gift gifts present presents "
    "đồ quà món sản phẩm hàng gì nào tặng vật"
)
"""Folded words that name no kind of offering."""

ALL_OF_IT = (
    *(
        "do you sell",
        "you sell",
        "do you have",
        "do you offer",
        "list",
        "show me everything",
        "everything",
        "catalog",
        "catalogue",
        "all products",
    ),
    *(
        "all your products",
        "your products",
        "what products",
        "what items",
        "menu",
        "ban gi",
        "ban nhung gi",
        "co nhung gi",
        "co gi ban",
        "danh sach",
    ),
    *(
        "tat ca san pham",
        "nhung san pham gi",
        "san pham gi",
        "mat hang gi",
        "nhung mat hang nao",
        "ban cai gi",
        "kinh doanh gi",
        "co gi",
    ),
)
"""Folded phrases by which somebody asks what there is, whatever it is."""


def asks_for_all(message: str) -> bool:
    """Whether the message asks what there is, whatever it is; that it names nothing is for the caller to see."""
    said = f" {' '.join(words(message))} "
    return any(f" {phrase} " in said for phrase in ALL_OF_IT)


_WHAT_KINDS = re.compile(
    r"(?:(?:hi|hello|hey|so|and|ok|okay) )*(?:what|which)(?: (?:kinds?|types?|sorts?) of)?(?P<en>(?: \w+){0,2}) "
    r"(?:do|does|can|could) (?:you|u|your \w+|the \w+|we)"
    r"(?: guys)? (?:sell|offer|have|do|make|rent|teach|provide|carry|stock|serve)(?: here| out| for \w+)*"
    r"|(?:\w+ ){0,4}(?:ban|day|cho thue|cung cap|kinh doanh|phuc vu)(?: nhung| cac)?(?P<vi>(?: \w+){0,2})"
    r" (?:gi|nao)(?: vay| the| a| shop| ban)*"
    r"|(?:\w+ ){0,4}(?:co|lam) (?:nhung|cac)(?P<there>(?: \w+){0,3}) (?:gi|nao)(?: vay| the| a| shop)*"
)


def asks_what_kinds(message: str) -> bool:
    """Whether the message asks what there is of something, “what services do you offer?”, “trung tâm dạy gì”."""
    return _kinds(message) is not None


def kind_asked_for(message: str) -> frozenset[str]:
    """Return the folded words for what such a message asks, empty where it is anything."""
    found = _kinds(message)
    return frozenset("".join(filter(None, found.group("en", "vi", "there"))).split()) if found else frozenset()


def _kinds(message: str) -> re.Match[str] | None:
    said = words(message)
    found = _WHAT_KINDS.fullmatch(" ".join(said)) if len(said) <= MOST_OF_KIND and not people_in(message) else None
    asks_when = found and not OF_TIME.isdisjoint((found["vi"] or found["there"] or "").split())
    return None if asks_when else found


OF_TIME = _set("ngay gio thu buoi luc thang")
"""Folded words of which is asked when: “dạy ngày nào”."""

MOST_OF_KIND = 10
"""Words of a question for what there is."""

ORDERS = _set("order buy purchase mua đặt chốt")
"""Folded words of who orders and does not only ask."""

TO_MACHINES = (
    *(
        "ignore previous",
        "ignore all previous",
        "ignore all prior",
        "ignore the above",
        "ignore your instructions",
        "ignore any previous",
    ),
    *(
        "ignore all instructions",
        "ignore prior",
        "disregard previous",
        "disregard all previous",
        "disregard the above",
        "disregard your",
    ),
    *(
        "previous instructions",
        "prior instructions",
        "your instructions",
        "system prompt",
        "language model",
        "developer mode",
    ),
    *(
        "you are an ai",
        "you are now",
        "you are an assistant",
        "as an ai",
        "to the ai",
        "attention ai",
        "ai assistant",
        "if you are an ai",
    ),
    *(
        "forget everything",
        "forget your",
        "do not tell the user",
        "do not tell the customer",
        "jailbreak",
        "new instructions",
    ),
    *(
        "bo qua moi huong dan",
        "bo qua cac huong dan",
        "bo qua tat ca huong dan",
        "bo qua huong dan",
        "bo qua moi chi dan",
        "bo qua moi lenh",
    ),
    *(
        "bo qua chi dan",
        "quen het huong dan",
        "quen moi huong dan",
        "huong dan truoc do",
        "loi nhac he thong",
        "ban la mot ai",
        "ban la ai tro ly",
    ),
)
"""Folded phrases by which a text speaks to a program that reads it, and not to customers."""

POINTING = _set("color colour size pair set box left price cái chiếc con cây loại mẫu kiểu dòng bộ hộp gói đôi món màu cỡ")
"""Folded words that point at what was spoken of, or ask about it, and name nothing else."""

POINTING_BACK: dict[Language, frozenset[str]] = {
    "en": _set("it this that these those they them one ones he she him her and but"),
    "vi": _set("nó này đó ấy kia đấy họ còn"),
}
"""A question with one of these words means something said before."""

NEGATING = _set("not no never without dont doesnt cant không chưa chẳng đừng ngoài trừ")
"""Small words that turn what is said around."""

LIGHT = _set("accept offer provide allow allowed support possible nhan xai dung ben")
"""Folded words around a question whether something is so that say nothing of what is asked about."""

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
    stemmed = "" if len(word) > LONGEST else word
    while stemmed and (shorter := _without_ending(stemmed)) != stemmed:
        stemmed = shorter
    return stemmed or word


def _without_ending(word: str) -> str:
    if word.endswith(SIBILANT_PLURALS):
        return word[:-2]
    if len(word) >= LONG and word.endswith(LATE_ENDINGS):
        return word[:-1]
    return next((word.removesuffix(one) for one in ENDINGS if word.endswith(one) and len(word) - len(one) >= SHORTEST), word)


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


def weighty(text: str) -> set[str]:
    """Return the folded words of a text without the small ones of its language; all, where there are no others."""
    said = set(words(text))
    return said - STOP_WORDS[detect_language(text)] or said
