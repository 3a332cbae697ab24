"""Cuts flowing text into sentences as they end, in Vietnamese and English, without cutting amounts, addresses or names.

The pieces joined are the text again, letter by letter: the space between two sentences begins the second one.
"""

import re

LONGEST = 600
"""Characters after which a sentence is cut at a space, for who never ends one."""

_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?:\s?\[\d{1,3}(?:\s?,\s?\d{1,3})*\])*")
_ABBREVIATIONS = frozenset(
    re.split(
        r"\s", "mr mrs ms dr st no vs etc e.g i.e eg ie approx tp tt ts ths gs pgs q p đ vd tr ng cty tnhh max min incl"
    )
)
_ORDINAL = re.compile(r"\s*\(?\d{1,2}")


class SentenceSplitter:
    """Takes text piece by piece and gives back the sentences that are complete."""

    def __init__(self) -> None:
        self.rest = ""

    def add(self, piece: str) -> list[str]:
        """Return the sentences that have ended with this piece."""
        self.rest += piece
        found = []
        while end := _end_of_first(self.rest):
            found.append(self.rest[:end])
            self.rest = self.rest[end:]
        return found

    def end(self) -> list[str]:
        """Return what is left when the text is over."""
        rest, self.rest = self.rest, ""
        return [rest] if rest else []


def split(text: str) -> list[str]:
    """Return the sentences of a whole text."""
    splitter = SentenceSplitter()
    return [*splitter.add(text), *splitter.end()]


def _end_of_first(text: str) -> int | None:
    """Return where the first sentence ends, None while that cannot be told."""
    said = len(text) - len(text.lstrip())
    for match in re.finditer(rf"\n+|{_END.pattern}", text[said:]):
        start, end = match.start() + said, match.end() + said
        if match[0][0] == "\n":
            return end
        if _is_end(text, start, end):
            return end
    if len(text) <= LONGEST:
        return None
    return text.rfind(" ", said + 1, LONGEST) + 1 or LONGEST


def _is_end(text: str, start: int, end: int) -> bool:
    """Whether the marks between ``start`` and ``end`` end a sentence; what follows them may not have come yet."""
    before, mark, after = text[:start], text[start], text[end : end + 1]
    if after and not after.isspace():
        return False
    if _is_open(before) and not (after and start + 1 < end):
        return False
    word = (before.split() or [""])[-1]
    if not after and _is_address(word):
        return False
    if mark != "." or end - start > 1:
        return True
    if _ORDINAL.fullmatch(before):
        return False  # "1." in front of a list's line
    if word.strip("(\"'“").lower() in _ABBREVIATIONS or _is_address(word):
        return False
    return bool(after) or not word[-1:].isdigit()


def _is_address(word: str) -> bool:
    return "://" in word or word.lower().startswith("www.") or "@" in word


def _is_open(before: str) -> bool:
    """Whether a bracket that was opened in this sentence is still to be closed."""
    return before.count("(") > before.count(")") or before.count("[") > before.count("]")
