"""Which kind of fact a question asks for (an amount, a time, a place), and whether a text tells one of that kind.

Texts are found by what they are about: “how much is delivery?” finds how long it takes. About the same thing another fact is
no answer. What is not plainly asked is left open, and a text is silent only when no word of it can be of such a fact.
"""

import re
from functools import lru_cache
from typing import Literal

from runtime.understanding.lexicon import ASKING_IF, ASKING_IF_AT_END, OPENING
from tenants.text import words

Facet = Literal["amount", "time", "place"]

MOST_WORDS = 60
"""Of a question that are read: nobody asks in more."""

_SPAN = "days?|hours?|minutes?|weeks?|months?|years?|ngay|gio|phut|tuan|thang|nam|tieng"
_COST = "prices?|costs?|fees?|charges?|phi|gia|cuoc|tien|coc"
_SAID_BEHIND = "cho|thi|khi|neu|vay|the|a|ah|nhi|nhe|shop|ad|ban|em|anh|chi|mot|1"

_ASKING: dict[Facet, str] = {
    "time": rf"""how\ (?:long|soon|fast|quickly)\b | how\ many\ (?:\w+\ )?(?:{_SPAN})\b | what\ (?:time|day|hours)\b
        | until\ when | when\ (?:s|is|are|do|does|did|was|were|will|can|could|should|would)\b
        | (?:and|tell\ me|know|ask|wondering)\ when\b | (?:opening|business|store|shop|office|working)\ hours
        | bao\ lau | khi\ nao | bao\ gio | chung\ nao | (?:luc|hom|ngay|gio|tuan|thang)\ nao
        | (?:may|bao\ nhieu)\ (?:{_SPAN})\b | gio\ (?:mo|dong)\ cua""",
    "place": r"""where\ (?:are\ you|is\ your|are\ your)\b | (?:what|which)\b.*\baddress | (?:shop|store|office|your)\ address
        | dia\ chi | (?:shop|cua\ hang|tiem|quan|van\ phong|chi\ nhanh|showroom)\ (?:\w+\ ){0,3}o\ (?:dau|cho\ nao)""",
    "amount": rf"""how\ much\ (?:is|are|s|for|to)\b | how\ much$ | how\ much\b.*\b(?:{_COST}|pay|money) | how\ expensive
        | (?:what|which)\b.*\b(?:{_COST})\b | ^(?:the\ )?(?:\w+\ )?(?:prices?|costs?|fees?)(?:\ (?:of|for)\ .*)?$
        | for\ free | free\ of\ charge | free\ (?:shipping|delivery|returns?) | (?:shipping|delivery|returns?|it)\ free\b
        | freeship | mien\ phi | (?:mat|ton)\ (?:phi|tien) | (?:bao\ )?nhieu\ (?:tien|dong|k)\b
        | \b(?:{_COST})\b.*\b(?:nhieu|the\ nao|sao|bn|nhiu)\b
        | (?<!la\ )(?<!nang\ )(?<!cao\ )(?<!dai\ )(?<!rong\ )(?<!xa\ )(?<!con\ )bao\ nhieu(?:\ (?:{_SAID_BEHIND})\b|$)""",
}
"""What asks for each, in folded words."""

_TELLING: dict[Facet, str] = {
    "time": rf"""{_SPAN} | times? | dates? | \d+\ ?(?:h|am|pm|min|mins) | \d+h\d* | (?:1[5-9]|20)\d\d | weekdays? | weekends?
        | (?:mon|tues|wednes|thurs|fri|satur|sun)days? | today | tonight | tomorrow | immediately | instant(?:ly)? | noon
        | midnight | morning | evening | daily | always | overnight | soon | hom\ nay | hom\ sau | lap\ tuc | sang | chieu | toi
        | trua | thu\ (?:hai|ba|tu|nam|sau|bay) | chu\ nhat | cuoi\ tuan | thoi\ gian""",
    "place": r"""address | street | road | avenue | lane | square | corner | district | ward | city | town | village | province
        | country | quarter | floor | building | house | mall | market | station | airport | next\ to | near | opposite | behind
        | map | located | location | branch | branches | online | website | at\ \d+ | duong | pho | quan | phuong | tinh | tang
        | toa | cho | ngo | hem | so\ \d+ | tp | tai | o\ \d+ | o\ dau | dia\ chi""",
    "amount": rf"""{_COST} | free | gratis | pays? | paid | included | \d+\ ?(?:k|tr|usd|vnd|eur|d|percent) | dollars? | euros?
        | pounds? | dong | \d+\ (?:nghin|ngan|trieu) | (?:tram|chuc)\ (?:nghin|ngan)""",
}
"""What may tell each, in folded words: rather too much, since what says nothing of it is no answer."""

_MONEY = re.compile(r"[$€£₫%]|\d\s?đ|\d[.,]\d{3}")
_ASKED = {facet: re.compile(rf"\b(?:{pattern})", re.VERBOSE) for facet, pattern in _ASKING.items()}
_TOLD = {facet: re.compile(rf"\b(?:{pattern})\b", re.VERBOSE) for facet, pattern in _TELLING.items()}


@lru_cache(maxsize=4096)
def asked_of(question: str) -> frozenset[Facet]:
    """Return what a question plainly asks for, empty when it asks for something else. Kept: of titles it is asked again."""
    said = " ".join(words(question)[:MOST_WORDS])
    return frozenset(facet for facet, pattern in _ASKED.items() if pattern.search(said))


def is_silent(question: str, *, title: str, body: str) -> bool:
    """Whether a text tells nothing of what the question asks for: its own title asks for no such fact, and no word is of one.

    A title that asks for another fact says itself what the text is for; its words count for nothing then.
    """
    wanted, offered = asked_of(question), asked_of(title)
    if not wanted or wanted & offered:
        return False
    return not any(_tells(facet, body if offered else f"{title}\n{body}") for facet in wanted)


def is_yes_or_no(question: str) -> bool:
    """Whether a question asks if something is so: “do you repair laptops?”, “có sửa laptop không?”."""
    said = [word for word in words(question) if word not in OPENING]
    asks_if = not ASKING_IF.isdisjoint(said[:1]) or not ASKING_IF_AT_END.isdisjoint(said[-3:])
    return asks_if and not asked_of(question)


def _tells(facet: Facet, text: str) -> bool:
    is_sign = facet == "amount" and _MONEY.search(text.lower()) is not None
    return is_sign or _TOLD[facet].search(" ".join(words(text))) is not None
