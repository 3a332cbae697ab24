"""People whom a message names, “thầy Nam”, “Dr Minh”: what answers must speak of them, and not of somebody else."""

from functools import lru_cache

from runtime.understanding.tokens import Message, Token, marks

TITLES: dict[str, str] = {
    **{
        title: title
        for title in (
            "mr",
            "mrs",
            "ms",
            "miss",
            "dr",
            "prof",
            "professor",
            "doctor",
            "teacher",
            "coach",
            "nurse",
            "chef",
            "bs",
        )
    },
    "thay": "thầy",
    "co": "cô",
    "anh": "anh",
    "chi": "chị",
    "ong": "ông",
    "ba": "bà",
    "chu": "chú",
    "bac": "bác",
    "di": "dì",
    "si": "sĩ",
    "sy": "sỹ",
    "vien": "viên",
}
"""Folded words in front of a name, as they are spelled; of “bác sĩ” and “giáo viên” the last."""

GIVING = frozenset(("cho", "giup", "voi", "la", "cua", "gui", "ban", "i", "am"))
"""Folded words behind which such a title is the customer: “bán cho anh Casio”."""

MOST_NAMES = 4
"""Words of a name."""


@lru_cache(maxsize=2048)
def people_in(text: str) -> tuple[int, ...]:
    """Return the places of the words that are names behind a title."""
    message = Message(text)
    if text.isupper():
        return ()
    found: list[int] = []
    for place, token in enumerate(message.tokens):
        behind = place + 1
        while _is_title(message, place, token) and behind <= min(place + MOST_NAMES, len(message.tokens) - 1):
            between = message.text[message.tokens[behind - 1].end : message.tokens[behind].start]
            if between.strip(" .") or not message.text[message.tokens[behind].start].isupper():
                break
            found.append(behind)
            behind += 1
    return tuple(dict.fromkeys(found))


def _is_title(message: Message, place: int, token: Token) -> bool:
    spelling = TITLES.get(token.text)
    if spelling is None or not message.spells(token.start, token.end, spelling):
        return False
    return place == 0 or message.tokens[place - 1].text not in GIVING


def speaks_of_people(question: str, text: str) -> bool:
    """Whether a text names everybody whom the question names, spelled as there: “Nam” is not “Năm”. Without any diacritics, in the
    whole question or the whole text, “Huệ” may be “Hue”.
    """
    places = people_in(question)
    if not places:
        return True
    asked, told = Message(question), Message(text)
    names = {asked.tokens[place] for place in places}
    if asked.text.isascii() or told.text.isascii():
        return {name.text for name in names} <= {token.text for token in told.tokens}
    known = {(token.text, marks(told.text[token.start : token.end])) for token in told.tokens}
    return {(name.text, marks(asked.text[name.start : name.end])) for name in names} <= known
