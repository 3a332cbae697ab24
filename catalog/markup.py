"""The HTML a description may hold: formatting only, whoever wrote it."""

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


def clean_html(text: str) -> str:
    """Return ``text`` without scripts, styles, pictures and anything else beyond simple formatting."""
    return _CLEANER.clean(text) if "<" in text or "&" in text else text
