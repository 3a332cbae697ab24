"""Numbers that a file has as numbers, written so that columns read them as nothing else."""

from decimal import Decimal, InvalidOperation

MOST_DIGITS = 400
"""More than a spreadsheet has, and few enough to be written out."""


def plain(written: str) -> str:
    """A number such as `1.50E+2` in plain digits without needless zeros; what is none, or endless, as it is.

    Three decimals become four: `1.234` as text might mean thousands, as a number it never did.
    """
    try:
        number = Decimal(written)
    except InvalidOperation:
        return written
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return written
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}0" if text[-4:-3] == "." else text
