"""Money as people read it: which currencies exist, how many decimals they have, how they are written.

The rules follow Unicode CLDR for the two languages of the product and the symbols customers meet;
every other currency is written with its ISO 4217 code, which is right in any language. Vietnamese dong
keep their sign behind the amount in English too, as every price tag in Vietnam does.
"""

from decimal import ROUND_HALF_UP, Decimal, localcontext


def _listed(words: str) -> list[str]:
    """Currency codes written in one line."""
    return words.split()


# ISO 4217, active codes that name money in circulation (no metals, test codes or units of account).
CURRENCIES: frozenset[str] = frozenset(
    _listed(
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
        "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR "
        "ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK "
        "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
        "SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU "
        "UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
    )
)

# Decimals of the currencies that do not have two.
_MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_listed("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(_listed("BHD IQD JOD KWD LYD OMR TND"), 3),
}

WHOLE_CURRENCIES: frozenset[str] = frozenset(code for code, decimals in _MINOR_UNITS.items() if not decimals)
"""Currencies without decimals, such as VND."""

# How a currency is shown, by language: the sign, and whether it stands before the amount.
# CLDR writes the dollar as US$ in Vietnamese, where "$" alone would be short for several.
_SIGNS: dict[str, dict[str, tuple[str, bool]]] = {
    "vi": {"VND": ("₫", False), "USD": ("US$", False), "EUR": ("€", False), "GBP": ("£", False)},
    "en": {"VND": ("₫", False), "USD": ("$", True), "EUR": ("€", True), "GBP": ("£", True)},
}
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def minor_units(currency: str) -> int:
    """How many decimals an amount in `currency` (ISO 4217 code) has; 2 for nearly all."""
    return _MINOR_UNITS.get(currency, 2)


def format_money(amount: Decimal, currency: str, language: str) -> str:
    """`amount` of `currency` as one reads it in `language` ("vi", else English), rounded half up to its decimals.

    The parts are joined by no-break spaces, so that a price never wraps in the middle.
    Raises ValueError for an amount that is not a number.
    """
    if not amount.is_finite():
        raise ValueError(f"not an amount of money: {amount}")
    number = _format_number(abs(amount), minor_units(currency), language)
    minus = "-" if amount < 0 and any(digit in "123456789" for digit in number) else ""
    fallback = (currency, language != "vi")
    sign, leads = _SIGNS["vi" if language == "vi" else "en"].get(currency, fallback)
    if not leads:
        return f"{minus}{number}{_NO_BREAK_SPACE}{sign}"
    gap = _NO_BREAK_SPACE if sign.isalpha() else ""
    return f"{minus}{sign}{gap}{number}"


def plain_amount(amount: Decimal | None) -> str:
    """`amount` as a program writes it, without trailing zeros (`229000`, `0.5`); a dash for none."""
    return "–" if amount is None else f"{Decimal(amount).normalize():f}"


def _format_number(amount: Decimal, decimals: int, language: str) -> str:
    """`amount` grouped by thousands: 1,299.00 in English, 1.299,00 in Vietnamese."""
    with localcontext() as context:
        context.prec = max(context.prec, amount.adjusted() + 8)
        rounded = amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{rounded:,f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text
