"""A received message as the admin shows it: with the pictures that came in it, and none from elsewhere.

They are written into the page as ``data:``: the frame that shows it belongs to nobody, so it could fetch none that only some may
see, and whoever may read the message may see them. What they are is told by their first bytes, not by the sender; SVG may
hold a program, and is no picture here.
"""

from base64 import b64encode

from reports.markup import with_own_pictures
from reports.models import MailAttachment, MailMessage
from tenants.storage import open_file

LARGEST = 2 * 1024 * 1024
"""Bytes of one picture,"""
MOST_BYTES = 8 * 1024 * 1024
"""and of all in a message."""
KINDS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"RIFF": "image/webp",
}


def shown_html(message: MailMessage) -> str:
    """Return the HTML of a message with its own pictures in it."""
    by_id = {
        one.content_id: one for one in message.attachments.exclude(content_id="").exclude(file=None).select_related("file")
    }
    addresses: dict[str, str] = {}
    left = MOST_BYTES
    for content_id, attachment in by_id.items():
        if attachment.size <= min(LARGEST, left) and (address := _data_address(attachment)):
            addresses[content_id] = address
            left -= attachment.size
    return with_own_pictures(message.html, lambda content_id: addresses.get(content_id, ""))


def _data_address(attachment: MailAttachment) -> str:
    """Return the picture as an address that holds it; empty for what is none, or not kept."""
    try:
        with open_file(attachment.file) as file:
            content = file.read()
    except FileNotFoundError:
        return ""
    kind = next((kind for begin, kind in KINDS.items() if content.startswith(begin)), "")
    if not kind or (kind == "image/webp" and content[8:12] != b"WEBP"):
        return ""
    return f"data:{kind};base64,{b64encode(content).decode()}"
