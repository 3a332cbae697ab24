"""What a model says, sentence by sentence: made harmless, checked, and let out only when it has passed.

A sentence that does not pass ends the speech: nothing after it is said, and the reply is replaced as a whole.
"""

import re
from collections.abc import Callable

from runtime.model.prompting import UNKNOWN
from runtime.model.sentences import SentenceSplitter

MOST_CHARACTERS = 6000
"""Of a whole answer. What is longer is no answer to a customer."""

_CITATION = re.compile(r"\s?\[(\d{1,3}(?:\s?,\s?\d{1,3})*)\]")
_IMAGE = re.compile(r"!\[([^\]]*)\]\s?(?:\([^)]*\)?|\[[^\]]*\]?)")
_LINK = re.compile(r"\[([^\]]*)\]\(\s*<?([^)\s>]*)[^)]*\)")
_ADDRESS = re.compile(r"(?:https?:)?//[^\s<>\"')\]]+|\bdata:[^\s<>\"')\]]+|\bjavascript:[^\s<>\"')\]]+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^>]*>?")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_MARKUP = re.compile(r"\*\*|__|^#{1,6}\s", re.MULTILINE)


class TooLong(Exception):
    """The model does not come to an end."""


class Speech:
    """One reply while it is being said.

    ``check`` returns a sentence, with the numbers it cites, as it may be said, or None (and the speech is over). ``say``
    hears each sentence that has passed. ``allowed`` holds the texts whose addresses may be repeated; others are left out:
    they could carry data away.
    """

    def __init__(
        self,
        check: Callable[[str, list[int]], str | None],
        *,
        say: Callable[[str], None] | None = None,
        allowed: Callable[[], str],
    ) -> None:
        self.said: list[str] = []
        self.cited: list[int] = []
        self.is_unknown = self.is_stopped = False
        self._check, self._say, self._allowed = check, say, allowed
        self._splitter = SentenceSplitter()
        self._length = 0

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self.said).strip()

    def add(self, piece: str) -> None:
        """Hear a piece of text and say the sentences that are complete; raises ``TooLong``."""
        self._length += len(piece)
        if self._length > MOST_CHARACTERS:
            raise TooLong
        for sentence in self._splitter.add(piece):
            self._take(sentence)

    def end(self, *, is_cut: bool = False) -> None:
        """Say what is left at the end of a message; ``is_cut``: the last sentence is not complete, and left out."""
        rest = self._splitter.end()
        for sentence in [] if is_cut else rest:
            self._take(sentence)

    def _take(self, sentence: str) -> None:
        cited = [int(number) for found in _CITATION.findall(sentence) for number in found.split(",")]
        self.cited += cited
        if sentence.strip(" .\n*\"'") == UNKNOWN:
            self.is_unknown = True
        if self.is_stopped or self.is_unknown:
            return
        harmless = harmless_text(_CITATION.sub("", sentence), self._allowed)
        if not harmless.strip() and not cited:
            return
        passed = self._check(harmless, cited)
        if passed is None:
            self.is_stopped = True
            return
        if not passed.strip():
            return
        passed = passed if self.said else passed.lstrip()
        self.said.append(passed)
        if self._say:
            self._say(passed)


def harmless_text(text: str, allowed: Callable[[], str]) -> str:
    """Return a model's text without tags, images, hidden letters and addresses that it was not given."""
    text = _TAG.sub("", _IMAGE.sub(r"\1", _HIDDEN.sub("", text)))
    text = _LINK.sub(lambda link: f"{link[1]} ({link[2]})" if link[2] in allowed() else link[1], text)
    text = _ADDRESS.sub(lambda address: address[0] if address[0].rstrip(".,!?;:") in allowed() else "", text)
    return _MARKUP.sub("", text)
