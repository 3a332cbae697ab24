"""The HTML of mails: what we send may show pictures from the web, what others have sent may fetch nothing at all."""

import re
from collections.abc import Callable, Collection
from html import escape, unescape
from urllib.parse import unquote

import nh3

from catalog.markup import takes_too_long, without_tags

# What mail programs show: formatting, tables and colours. No scripts, forms, frames or style sheets.
_TAGS = {
    *("p", "br", "hr", "div", "span", "blockquote", "pre", "code", "h1", "h2", "h3", "h4", "h5", "h6", "center"),
    *("a", "b", "strong", "i", "em", "u", "s", "del", "small", "sub", "sup", "ul", "ol", "li", "dl", "dt", "dd", "img"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "*": {"style", "align", "dir", "lang"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "table": {"width", "border", "cellpadding", "cellspacing", "bgcolor"},
    "td": {"colspan", "rowspan", "width", "height", "valign", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "height", "valign", "bgcolor"},
}
_STYLES = {
    *("color", "background-color", "font-size", "font-weight", "font-style", "font-family", "text-align", "line-height"),
    *("text-decoration", "vertical-align", "width", "max-width", "height", "display", "border", "border-radius"),
    *("border-collapse", "border-top", "border-bottom", "margin", "margin-top", "margin-bottom", "padding"),
    *("padding-top", "padding-bottom", "padding-left", "padding-right"),
}
_WRITTEN = nh3.Cleaner(
    tags=_TAGS, attributes=_ATTRIBUTES, filter_style_properties=_STYLES, url_schemes={"http", "https", "mailto", "tel"}
)


LONGEST = 300_000
"""Characters of HTML that others have sent that are shown as such."""
_INSIDE = re.compile(r"data:[\w/+.;=-]*;base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
"""A file inside the HTML, which is left out as any picture is."""


_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')
"""What the cleaner leaves of a picture without its address."""
_OWN = re.compile(r'(<img(?: alt="[^"]*")?) src="(cid:[^"]*)"', re.IGNORECASE)
"""And of one among the message's own files."""


def clean_email_html(html: str) -> str:
    """Return the HTML of a mail without scripts, forms, frames and style sheets."""
    return without_tags(html) if takes_too_long(html) else _WRITTEN.clean(html)


def clean_received_html(html: str, *, files: Collection[str] = ()) -> tuple[str, int]:
    """Return the HTML of a mail that others have sent, and how many pictures from elsewhere were left out.

    Pictures among the message's own ``files`` (their Content-IDs) stay, as ``cid:`` addresses, which no browser fetches. In
    place of any other stands what it says it shows. Nothing that is left is fetched by who reads it, which would tell the
    sender that, when and where it was read.
    """
    html = _INSIDE.sub("", html)
    if len(html) > LONGEST or takes_too_long(html):
        return without_tags(html), 0
    left_out = 0

    def kept(tag: str, attribute: str, value: str) -> str | None:
        nonlocal left_out
        if tag == "img":
            left_out += attribute == "src" and value.lower().startswith(("http:", "https:", "//"))
            is_own = attribute == "src" and _content_id(value) in files
            return value if attribute == "alt" or is_own else None
        if attribute == "href" and value.lower().startswith("cid:"):
            return None
        return None if attribute == "style" and "url(" in value.lower() else value

    cleaner = nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes=_ATTRIBUTES,
        attribute_filter=kept,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
    )
    return _without_pictures(cleaner.clean(html)), left_out


def _without_pictures(html: str) -> str:
    return _PICTURE.sub(lambda found: f"[{found[1]}]" if found[1] else "", html)


def with_own_pictures(html: str, picture: Callable[[str], str]) -> str:
    """Return cleaned HTML with its own pictures in it: ``picture`` gives the address of a Content-ID, or nothing."""

    def shown(found: re.Match[str]) -> str:
        address = picture(_content_id(unescape(found[2])) or "")
        return f'{found[1]} src="{escape(address)}"' if address else found[1]

    return _without_pictures(_OWN.sub(shown, html))


def _content_id(address: str) -> str | None:
    """Return which file a ``cid:`` address means (RFC 2392: it may be in per cent); None for any other address."""
    return unquote(address[4:]).strip("<> ") if address[:4].lower() == "cid:" else None
