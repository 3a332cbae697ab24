"""Whether a message asks for a person, or agrees to be given one. Only what says nothing else counts."""

from runtime.understanding.lexicon import AGREEING, POLITE, REFUSING
from tenants.text import words


def _set(spaced: str) -> frozenset[str]:
    return frozenset(spaced.split())


PERSONS = (
    *("person", "human", "human being", "agent", "representative", "colleague", "somebody", "someone", "staff", "operator"),
    *("nhan vien", "tu van vien", "nguoi that", "nguoi tu van", "nguoi ho tro", "con nguoi", "cskh"),
)
"""Who is asked for, folded."""

ASKING = _set(
    "i d we want would like need wish to can could may let me us have get speak talk chat connect transfer put through "
    "contact with a an the real live actual human person member of your team support customer service sales now right away "
    "instead just directly please hello hi hey "
    "toi minh em anh chi cho muon can xin gap noi chuyen tro chat lien he ket noi chuyen may voi tu van ho tro ben "
    "mot nguoi that truc tiep ngay bay gio duoc khong ko vui long nhe a oi shop di hay ai do cua "
    "nhan vien vien con minh giup"
)
"""Folded words such a request is made of."""


def agrees(message: str) -> bool:
    """Whether the message says yes to being given a person, and nothing else."""
    said = words(message)
    return bool(AGREEING & set(said)) and set(said) <= (AGREEING | POLITE | ASKING) - REFUSING


CONFIRMING = _set(
    "confirm place order buy go ahead it this that them da xac nhan dat hang chot don luon mua lay dong tien hanh"
)
"""Folded words that a yes to an order is made of besides."""

CANCELLING = _set("no nope cancel khong ko k huy thoi chua stop never mind bo")
"""Folded words of which one at least says no to it."""


def agrees_to_proposal(message: str) -> bool:
    """Whether the message says yes to what was proposed, and nothing else."""
    said = set(words(message))
    known = (AGREEING | POLITE | CONFIRMING | {"the", "i", "now"}) - (REFUSING - CONFIRMING)
    return bool(said & (AGREEING | {"confirm", "chot", "xac", "place"})) and said <= known


def declines_proposal(message: str) -> bool:
    """Whether the message says no to what was proposed, and nothing else."""
    said = set(words(message))
    return bool(said & CANCELLING) and said <= CANCELLING | REFUSING | POLITE | CONFIRMING | {
        "the",
        "i",
        "not",
        "want",
        "can",
        "muon",
    }


def asks_for_person(message: str) -> bool:
    """Whether the message asks for a person and for nothing else: “where is your staff from?” does not."""
    said = words(message)
    text = f" {' '.join(said)} "
    names_person = any(f" {person} " in text for person in PERSONS)
    known = AGREEING | POLITE | ASKING | {word for person in PERSONS for word in person.split()}
    refuses = {"khong", "ko"} & set(said[:-2])  # at the end they only ask: “được không ạ”
    return names_person and not refuses and set(said) <= known
