"""Finding what a question is about: `search` reads the index that triggers keep, `embedding` adds the vectors."""

from catalog.search.filters import Described, Filters, listed, on_sale, priced_between
from catalog.search.fitting import FIT_THRESHOLD, fit
from catalog.search.query import Hit, Only, Statement, numbers_literal, rank, search, statement
from catalog.search.scoring import ANSWER_THRESHOLD

__all__ = [
    "ANSWER_THRESHOLD",
    "FIT_THRESHOLD",
    "Described",
    "Filters",
    "Hit",
    "Only",
    "Statement",
    "fit",
    "listed",
    "numbers_literal",
    "on_sale",
    "priced_between",
    "rank",
    "search",
    "statement",
]
