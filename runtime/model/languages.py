"""Whether a reply is in a language that the customer did not write in."""

from collections.abc import Sequence

from tenants.text import Language, detect_language, words

FEWEST_WORDS = 8
"""Shorter replies do not tell their language."""
_VIETNAMESE = frozenset("ăâêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ")


def is_foreign(text: str, language: Language, *, names: Sequence[str] = ()) -> bool:
    """Whether ``text``, apart from the names of goods in it, is surely not in ``language``."""
    for name in names:
        text = text.replace(name, " ")
    letters = [letter for letter in text.lower() if letter.isalpha()]
    if sum(letter > "\u1eff" or "\u0370" <= letter <= "\u1dff" for letter in letters) > len(letters) / 3:
        return True
    spoken = text.lower().split()
    if len(words(text)) < FEWEST_WORDS:
        return False
    marked = sum(not _VIETNAMESE.isdisjoint(word) for word in spoken)
    if language == "en":
        return marked > len(spoken) / 2.5
    return not marked and detect_language(text) == "en"
