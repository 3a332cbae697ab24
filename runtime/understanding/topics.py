"""What a text is about, in units that compare: the stems of its telling words, and topics that have many names.

Customers ask for “the address”, businesses write “Where is our shop?”; “ship” is “giao hàng”. A topic holds the everyday
names of one thing in both languages, whatever is sold.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from runtime.understanding.facets import asked_of, asking_words
from runtime.understanding.lexicon import UNTELLING, stem
from runtime.understanding.people import people_in
from runtime.understanding.phrases import SAME_WORD
from runtime.understanding.tokens import Message, Phrasebook, Token, marks
from tenants.text import STOP_WORDS, detect_language, fold, words

DAYS, PLACE = "days", "place"
"""Topics that say when and where, and are asked about only where nothing else is: “open on Sunday?”."""

TOPICS: dict[str, str] = {
    "open": "open | opens | opening | opened | close | closes | closing | closed | hours | mở cửa | đóng cửa | "
    "làm việc | có nghỉ | nghỉ lễ | nghỉ tết | nghỉ trưa | nghỉ chủ nhật | nghỉ ngày | nghỉ cuối | nghỉ thứ | mở | đóng "
    "| có làm | giờ làm | mo cua | dong cua | giờ mở | giờ đóng",
    PLACE: "address | located | location | directions | where are you | where r u | where is your | where is the "
    "| where can i find you | where to find you "
    "| find you | find us | địa chỉ | ở đâu | chỗ nào | nằm ở đâu | nằm đâu",
    "card": "card | cards | credit card | credit cards | debit card | visa | mastercard | amex | thẻ | quẹt thẻ "
    "| cà thẻ | trả thẻ | bằng thẻ | thẻ tín dụng "
    "| thẻ visa | nhận thẻ",
    "pay": "pay | pays | paying | payment | payments | payment method | payment methods | thanh toán | trả tiền | trả bằng",
    "transfer": "bank transfer | wire transfer | transfer | chuyển khoản | ck",
    "cash": "cash | tiền mặt",
    "deliver": "deliver | delivers | delivered | delivery | deliveries | ship | ships | shipped | shipping | "
    "shipment | parcel | parcels | freeship "
    "| giao hàng | giao | vận chuyển | chuyển hàng | gửi hàng",
    "repair": "repair | repairs | repaired | repairing | fix | fixes | fixed | fixing | mend | sửa chữa | sửa",
    "refund": "return | returns | returned | refund | refunds | refunded | money back | send back | "
    "lấy lại tiền | hoàn lại | hoàn học phí | hoàn phí | hoàn trả | đổi trả | "
    "trả hàng | hoàn tiền | đổi hàng | hoàn hàng",
    "cancel": "cancel | cancels | cancelled | canceled | cancelling | cancellation | hủy | huỷ",
    "warranty": "warranty | warranties | guarantee | guarantees | guaranteed | bảo hành",
    "book": "book | booking | bookings | reserve | reservation | appointment | appointments | đặt lịch | đặt hẹn "
    "| hẹn lịch | hẹn trước | đặt chỗ | đặt trước",
    "parking": "parking | car park | park my | park a | i park | to park | leave my car | leave a car | leave our car | leave the car | "
    "leave my motorbike | leave my bike | "
    "gửi xe | để xe | đậu xe | đỗ xe | đậu ô tô | đỗ ô tô | bãi xe | giữ xe",
    "deposit": "deposit | deposits | tiền cọc | đặt cọc | cọc",
    "discount": "discount | discounts | coupon | voucher | promotion | sale | off | less | cheaper | giảm giá | "
    "khuyến mãi | khuyến mại | giảm | ưu đãi | bớt",
    "phone number": "phone number | telephone number | hotline | số điện thoại | sđt | sdt | số hotline",
    "installment": "installment | installments | instalment | instalments | trả góp | góp",
    "rent": "rent | rents | rental | rentals | renting | rented | hire | thuê | cho thuê",
    "used": "used | second hand | old | cũ | đã qua sử dụng",
    "buy back": "buy used | buy old | trade in | thu mua | mua lại",
    "bicycle": "bike | bikes | bicycle | bicycles",
    "picture": "photo | photos | picture | pictures",
    "waterproof": "waterproof | water resistant | water proof | chống nước",
    "insurance": "insurance | insured | bảo hiểm y tế",
    "kids": "kid | kids | child | children | trẻ em | em bé",
    DAYS: "today | tomorrow | tonight | now | monday | tuesday | wednesday | thursday | friday | saturday | "
    "sunday | mondays | tuesdays | wednesdays "
    "| thursdays | fridays | saturdays | sundays | weekend | weekends | weekday | weekdays | holiday | holidays "
    "| hôm nay | ngày mai | tối nay | chiều nay "
    "| sáng mai | bây giờ | thứ hai | thứ ba | thứ tư | thứ năm | thứ sáu | thứ bảy | chủ nhật | cuối tuần | thứ "
    "2 | thứ 3 | thứ 4 | thứ 5 | thứ 6 "
    "| thứ 7 | cn | ngày lễ | ngày nghỉ",
    "ho chi minh city": "ho chi minh city | ho chi minh | hcmc | hcm | tphcm | tp hcm | saigon | sai gon | sài gòn | hồ chí minh",
    "hanoi": "hanoi | ha noi | hà nội",
    "at home": "at home | at my home | at my house | at my place | home lessons | home visit | home visits | tại nhà | đến nhà | tận nhà",
    "start": "start | starts | begin | begins | leave | leaves | bắt đầu | khởi hành",
    "change": "replace | replaces | replaced | replacement | change | changes | thay",
}
"""Names of each, with their diacritics. A single syllable of Vietnamese counts only as it is spelled."""

_TOPICS = Phrasebook(TOPICS, SAME_WORD)

PASSING = frozenset(
    words(
        "currently someone anyone somebody anybody okay new until till til before after during since while without "
        "via look see come happen use try "
        "say ask put bring work fit fits hold holds carry carries contain contains "
        "right really just possible available exactly approximately r u ur pls plz much often "
        "next last first "
        "cho luc khoang loai hien nhung"
    )
)
"""Folded words, most of them verbs and prepositions, that no text is about."""

SPELLED = frozenset(
    re.findall(
        r"\w+",
        "ạ à á ả anh ai bằng bị bởi các cái cần chị chỉ cho chưa có con còn của cùng cũng da dạ đã đang đầy đây để "
        "đề đến đi do dò được em gì hạ hả hay hoặc hỏi họ hết hơn ít kể khá khi không là lại làm lên lúc lượng "
        "luôn mà má mình mỗi mới một muốn nào này nên nếu người nhé nhỉ nhiều như nhưng những ở ôi ơi phải qua quá "
        "ra rằng rất rồi sao sẽ sau tại tất tế thế thể thì thị thôi tôi tới trong trước từ tư từng và vẫn vào vậy "
        "về vì việc với vui xin bạn mấy giúp biết thông tin bao lâu tiền đâu nữa vừa",
    )
)
"""Small words of Vietnamese as they are spelled."""

_SPELLED_FOLDED = frozenset(map(fold, SPELLED))


class Units:
    """What a text holds: stems of its words, its topics, its pairs of words, and with which diacritics those are spelled that
    have any.
    """

    __slots__ = ("marked", "pairs", "single")

    def __init__(
        self, single: frozenset[str], pairs: frozenset[tuple[str, str]], marked: dict[str, set[frozenset[str]]]
    ) -> None:
        self.single, self.pairs, self.marked = single, pairs, marked

    def spells(self, unit: str, asked: "Units") -> bool:
        """Whether a word that is held is the one asked for: “dạy”, to teach, is not “dây”, a string. Without diacritics, in the
        question or in the whole text, it may be any.
        """
        if not self.marked or unit not in asked.marked:
            return True
        return not asked.marked[unit].isdisjoint(self.marked.get(unit, ()))


@lru_cache(maxsize=8192)
def units_of(text: str) -> Units:
    """Return what a text holds. Kept: the same texts are found again and again."""
    message = Message(text)
    said = [stem(SAME_WORD.get(token.text, token.text)) for token in message.tokens]
    single = frozenset(said).union(topic for topic, _start, _end in _topics(message))
    return Units(single, frozenset(pairwise(said)), _marked(message, said))


@lru_cache(maxsize=1024)
def asked_units(question: str) -> Units:
    """Return what a question asks about: its topics, and the stems of its telling words that name none and ask "
    "for no kind of fact."""
    message = Message(_asking_part(question))
    small = STOP_WORDS[detect_language(question)] | UNTELLING | PASSING
    named = people_in(message.text)
    left = [
        None if place not in named and _is_small(message, token, small) else stem(SAME_WORD.get(token.text, token.text))
        for place, token in enumerate(message.tokens)
    ]
    for start, end in asking_words(message):  # “how heavy” says nothing of what is asked about
        left[start:end] = [None] * (end - start)
    topics: set[str] = set()
    for topic, start, end in _topics(message):
        topics.add(topic)
        left[start:end] = [None] * (end - start)
    pairs = {(one, other) for one, other in pairwise(left) if one and other}
    asked = topics.union(word for word in left if word)
    return Units(frozenset(asked - {f"@{DAYS}", f"@{PLACE}"} or asked), frozenset(pairs), _marked(message, left))


def _marked(message: Message, units: Sequence[str | None]) -> dict[str, set[frozenset[str]]]:
    """Return the diacritics of each word that has some, by its unit."""
    found: dict[str, set[frozenset[str]]] = {}
    if not message.text.isascii():
        for token, unit in zip(message.tokens, units, strict=True):
            spelled = message.text[token.start : token.end]
            if unit and not spelled.isascii():
                found.setdefault(unit, set()).add(marks(spelled))
    return found


def subject_of(text: str) -> str:
    """Return the words of a question or a name that say what it is about, in its spelling: without small words and what asks."""
    message = Message(text)
    small = STOP_WORDS[detect_language(text)] | UNTELLING | PASSING
    asking = {place for start, end in asking_words(message) for place in range(start, end)}
    kept = [one for place, one in enumerate(message.tokens) if place not in asking and not _is_small(message, one, small)]
    return " ".join(message.text[one.start : one.end] for one in kept)


_CLAUSE_END = re.compile(r"(?<=[.!?;,\n])\s+")


def _asking_part(question: str) -> str:
    """Return the clauses of a message that plainly ask, all where none or each does: “my card is 4111…, how much is shipping”."""
    clauses = _CLAUSE_END.split(question)
    asking = [one for one in clauses if asked_of(one)] if len(clauses) > 1 else []
    return " ".join(asking) or question


def _is_small(message: Message, token: Token, small: frozenset[str]) -> bool:
    """Whether a word carries no topic: as it is spelled, for “bơi”, to swim, is folded like “bởi”, by."""
    word = SAME_WORD.get(token.text, token.text)
    spelled = message.text[token.start : token.end].lower()
    return word in small and (spelled.isascii() or spelled in SPELLED or fold(spelled) not in _SPELLED_FOLDED)


def _topics(message: Message) -> list[tuple[str, int, int]]:
    """Return the topics a message names, each with the words that do."""
    found: list[tuple[str, int, int]] = []
    index = 0
    while index < len(message.tokens):
        phrase = _TOPICS.match(message, index)
        if phrase and _is_spelled(message, index, phrase.spelling) and not _is_ordinal(message, index, phrase.meaning):
            found.append((f"@{phrase.meaning}", index, index + len(phrase.words)))
            index += len(phrase.words)
        else:
            index += 1
    return found


COUNTED = frozenset(words("buổi lần cái con tầng người tháng tuần môn chiếc đơn khóa kỳ đợt lớp"))
"""Folded words of which there is a third, and not a Tuesday: “buổi thứ 3”."""


def _is_ordinal(message: Message, at: int, topic: str) -> bool:
    """Whether what looks like a day counts something."""
    return topic == DAYS and message.tokens[at].text == "thu" and at > 0 and message.tokens[at - 1].text in COUNTED


def _is_spelled(message: Message, at: int, spelling: Sequence[str]) -> bool:
    """Whether a name of one syllable that has diacritics stands there with them: “thẻ” is not “the”."""
    token = message.tokens[at]
    return len(spelling) > 1 or spelling[0].isascii() or not message.text[token.start : token.end].isascii()
