"""Which intent a message has: the one of the example that it says again, or says nearly so.

Scores of the search rise with the lead over other texts, and few examples of one intent have nothing to lead over. So words and meaning
are compared with each example itself: by the telling words that both say (with their marks where both are written with them: “đau”
is pain and “đâu” is where) and by the likeness of the vectors. What the tenant's own FAQs say more nearly is asked of them.
"""

from collections.abc import Sequence
from functools import lru_cache

from catalog.search import Hit
from runtime.understanding.lexicon import stem, stems_of, telling
from tenants.text import Language, detect_language, fold, nfc, words

ALIKE = 0.5
"""A message says what an example says above this share of common telling words (Dice 1945), if the score bears it out, too."""
NEARLY, COMMON = 0.6, 2
"""From this share on, of so many common words and with all that the example tells, it says so whatever the score."""
MEANT: dict[Language, float] = {"en": 0.6, "vi": 0.7}
"""Likeness of meaning from which a sentence may be meant so in other words. Vietnamese syllables are alike whatever they mean."""
RELATED: dict[Language, float] = {"en": 0.5, "vi": 0.65}
"""The same where a telling word stands in both."""
LEAD = 0.1
"""How much nearer a FAQ must be than the example to be what is asked."""
LOOKED_AT = 10
"""Hits of each kind that are compared."""

_SMALL = frozenset(
    nfc(
        "à ạ ai anh bao bạn bằng bị biết bởi các cái cần chị chỉ cho chưa có còn con của cũng dạ đã đang đâu đây đến để đi do "
        "được em gì giúp hay hết hoặc họ hơn ít khá khi không là lại làm lâu lên lúc luôn mà mấy mình mọi mới một muốn nào này "
        "nên nếu ngày người nha nhé nhỉ nhiêu nhiều như những nữa ở ơi ơn phải quá qua ra rằng rất rồi sao sau sẽ shop tại tất "
        "thế thì thôi tin tôi tới trong trước từ từng vâng và vẫn vào vậy về vì việc vô với vui xin"
    ).split()
)
"""Small words of Vietnamese with their marks: “răng” is a tooth, “rằng” is small."""


def tell_intent(message: str, examples: Sequence[Hit], *, others: Sequence[Hit] = (), threshold: float) -> str:
    """Return the code of the intent that a message has, empty for none. ``others`` are the FAQs found for it."""
    found = [(nearness(message, hit), hit) for hit in examples[:LOOKED_AT]]
    same = next((hit for _near, hit in found if words(hit.title) == words(message)), None)
    if same is not None:
        return same.body
    is_worded = detect_language(message) == "vi"
    near, nearest = max(found, key=lambda one: (is_worded and one[0], one[1].score), default=(0.0, None))
    if nearest is None or any(nearness(message, hit) >= near + LEAD for hit in others[:LOOKED_AT]):
        return ""
    return nearest.body if _is_said(message, nearest, threshold) else ""


def _is_said(message: str, example: Hit, threshold: float) -> bool:
    said, shown = _compared(message, example.title)
    alike, meaning, language = dice(said, shown), example.parts["vector"], detect_language(message)
    if shown <= said and len(shown) >= COMMON and alike >= NEARLY:
        return True
    if example.score < threshold:
        return False
    if alike > ALIKE and (said <= shown or shown <= said or not example.has_vector):
        return True
    return len(said) > 1 and meaning >= (RELATED if said & shown else MEANT)[language]


def nearness(message: str, hit: Hit) -> float:
    """Return in [0, 1] how near a message is to the title of a text: half by common telling words, half by meaning."""
    alike = dice(*_compared(message, hit.title))
    meaning = hit.parts["vector"] if hit.has_vector else alike
    return (alike + min(max(meaning, 0.0), 1.0)) / 2


def dice(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share that two sets have in common, in [0, 1] (Dice 1945)."""
    return 2 * len(one & other) / max(len(one) + len(other), 1)


def _compared(one: str, other: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the telling words of two texts as they compare: with marks where both have them, else without. What is small
    in the one counts if it is telling in the other; of a text without any, all words count.
    """
    left, right = _telling(one), _telling(other)
    if not (_is_marked(one) and _is_marked(other)):
        left, right = _folded(left), _folded(right)
        left, right = left | (stems_of(one) & right), right | (stems_of(other) & left)
    return left or stems_of(one), right or stems_of(other)


@lru_cache(maxsize=4096)
def _telling(text: str) -> frozenset[str]:
    if not _is_marked(text):
        return telling(text)
    said = (word.strip("?!.,;:()\"'“”’…") for word in nfc(text).lower().split())
    return frozenset(stem(word) if word.isascii() else word for word in said if word and word not in _SMALL)


@lru_cache(maxsize=4096)
def _folded(said: frozenset[str]) -> frozenset[str]:
    return frozenset(stem(fold(word)) for word in said)


def _is_marked(text: str) -> bool:
    return fold(text) != " ".join(text.lower().split())
