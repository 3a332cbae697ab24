"""Whether a message asks for a person, or agrees to be given one. Only what says nothing else counts."""

from runtime.understanding.lexicon import AGREEING, ASKING, CANCELLING, CONFIRMING, PERSONS, POLITE, REFUSING
from tenants.text import words


def agrees(message: str) -> bool:
    """Whether the message says yes to being given a person, and nothing else."""
    said = words(message)
    return bool(AGREEING & set(said)) and set(said) <= (AGREEING | POLITE | ASKING) - REFUSING


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
