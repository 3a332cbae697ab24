"""The HTML a description may hold: formatting only, whoever wrote it."""

import re
from html import escape

import nh3

# No pictures: they would be fetched from elsewhere by whoever looks at the text.
_CLEANER = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "div", "span", "blockquote", "pre", "code", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("a", "b", "strong", "i", "em", "u", "s", "del", "small", "sub", "sup", "ul", "ol", "li", "dl", "dt", "dd"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    },
    attributes={"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
    url_schemes={"http", "https", "mailto", "tel"},
)


MOST_NESTED = 500
"""Elements inside each other. The parser looks through all that are open at each new one: 200,000 would take minutes."""
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_NEVER_NESTED = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
    *("p", "li", "dd", "dt", "td", "th", "tr", "tbody", "thead", "tfoot", "option"),
}
"""Elements without an end, and those that the next one of their kind ends."""


MOST_ATTRIBUTES = 1_000
"""Of one tag. The parser looks through all that it has at each new one: 100,000 take half a minute."""
_TAG_NAME = re.compile(r"<[a-z][^\s/>]*", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""[\s/]*=?[^\s/>=]+(?:\s*=\s*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|[^\s>"'][^\s>]*)?)?|[\s/]*=""")
"""As parsers tell attributes (HTML, 13.2.5.32 to 39)."""


def takes_too_long(html: str) -> bool:
    """Whether cleaning would take too long; nobody writes such a thing."""
    return _is_nested_too_deep(html) or _has_endless_tag(html)


def _has_endless_tag(html: str) -> bool:
    """Whether a tag has too many attributes, or what may be a tag stands in what may be one, again and again."""
    read, most = 0, 3 * len(html) + 10_000
    for tag in _TAG_NAME.finditer(html):
        place, count = tag.end(), 0
        while found := _ATTRIBUTE.match(html, place):
            place, count = found.end(), count + 1
            if count > MOST_ATTRIBUTES or read + place - tag.start() > most:
                return True
        read += place - tag.start()
    return False


def _is_nested_too_deep(html: str) -> bool:
    depth = 0
    for found in _TAG.finditer(html):
        if found[2].lower() not in _NEVER_NESTED:
            depth = max(0, depth - 1) if found[1] else depth + 1
            if depth > MOST_NESTED:
                return True
    return False


def without_tags(html: str) -> str:
    """Return the words of what would take too long to clean."""
    return escape(re.sub(r"<[^<>]*>", " ", html))


def clean_html(text: str) -> str:
    """Return ``text`` without scripts, styles, pictures and anything else beyond simple formatting."""
    if "<" not in text and "&" not in text:
        return text
    return without_tags(text) if takes_too_long(text) else _CLEANER.clean(text)
