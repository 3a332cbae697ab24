"""What speaks for a text answering a question: by the words and the meaning alone, so that texts of any kind compare.

The score of ``catalog.search`` is calibrated for each kind of text and rises with the lead over what else was found; among a
few texts the best one leads although it has next to nothing of the question. What is found here says whether it has.
"""

from catalog.search import Hit
from runtime.understanding.lexicon import stems_of, telling
from tenants.text import Language

USUAL = (0.2, 0.5)
"""The likeness of meaning that texts of some share of common words usually have, as long as one has no vector."""

MEANING: dict[Language, float] = {"en": 0.5, "vi": 0.25}
"""What the likeness of meaning counts beside the words: Vietnamese syllables are alike whatever they mean."""

ALIKE = 0.5
"""Two messages are alike above this share of common telling words (Dice 1945)."""


def likeness(one: str, other: str) -> float:
    """Return how many telling words two messages have in common, in [0, 1] (Dice 1945); of all words where none is telling."""
    left, right = (telling(text) or stems_of(text) for text in (one, other))
    return 2 * len(left & right) / max(len(left) + len(right), 1)


def evidence(share: float, hit: Hit, language: Language) -> float:
    """Return in [0, 1] what speaks for a text that was found: the share of what is asked about that it holds, and the likeness of
    meaning, which says little in Vietnamese.
    """
    likeness = min(max(hit.parts["vector"], 0.0), 1.0) if hit.has_vector else USUAL[0] + USUAL[1] * share
    return share + MEANING[language] * (likeness - share)
