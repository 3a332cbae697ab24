"""What a model says of seven trades is heard when its sources say the same, and replaced when they do not: in both languages."""

import re
from dataclasses import replace
from random import Random

from runtime.model.clauses import Passage
from runtime.model.fact_check import FactCheck, Known
from runtime.model.grounds import as_row
from runtime.model.sentences import split
from runtime.model.support import Support
from tenants.text import detect_language
from tests.runtime.model.test_fact_check import at, offering
from tests.runtime.model.truths import BUILT, HELD, TRADES, Said

TRUE_HEARD, FALSE_REPLACED = 0.9, 0.95
"""Shares of the pairs that the check was not made by."""


def is_heard(case: Said) -> bool:
    """Whether every sentence of the reply passes, as in a turn whose sources are all that the trade has told."""
    texts, goods = TRADES[case.trade]
    keys, language = [*texts, *goods], detect_language(case.asked)
    facts = {
        key: replace(at(offering(Random(1), name, "VND"), amount, 3), name=name)
        for key, (name, amount, _text, _attributes) in goods.items()
    }
    sources = [Passage(title, text) for title, text in texts.values()]
    sources += [
        Passage(name, "\n".join([*(as_row({key: value}) for key, value in attributes.items()), text]), facts[good].id)
        for good, (name, _amount, text, attributes) in goods.items()
    ]
    support = Support(sources=sources, said=(case.asked,), question=case.asked)
    check = FactCheck(language)
    for sentence in split(re.sub(r"\[(\w+)\]", lambda key: f"[{keys.index(key[1]) + 1}]", case.reply)):
        cited = [int(number) for number in re.findall(r"\[(\d+)\]", sentence)]
        bodies = tuple(sources[number - 1].text for number in cited)
        known = Known(tuple(facts.values()), tuple(map(str, sources[: len(texts)])), (case.asked,), cited=bodies)
        bare = re.sub(r"\s?\[\d+\]", "", sentence)
        if check.find_doubt(bare, known) or not support.is_given(
            bare, cited, named=lambda said, known=known: check.named_in(said, known)
        ):
            return False
    return True


def test_what_sources_say_is_heard_and_nothing_else() -> None:
    assert [case for case in BUILT if is_heard(case) is not case.is_true] == []


def test_so_it_is_with_replies_that_the_check_was_not_made_by() -> None:
    heard = {wanted: [is_heard(case) for case in HELD if case.is_true is wanted] for wanted in (True, False)}
    assert sum(heard[True]) >= TRUE_HEARD * len(heard[True])
    assert sum(not one for one in heard[False]) >= FALSE_REPLACED * len(heard[False])
