"""Why a document cannot be read: the complete list of codes, told in the language of whoever looks at the document."""

from django.utils.translation import gettext_noop as _

from tenants.notes import note

MESSAGES = {
    "broken": _("The file is damaged, or not what its name says."),
    "changed_kind": _("The file is not of the kind its name says."),
    "empty": _("There is no text in it."),
    "encrypted": _("The file is protected by a password. Save it without one."),
    "external_parts": _("The file takes content from other places. Save it with values only."),
    "file_gone": _("The uploaded file is gone."),
    "macros": _("The file has macros. Save it without them."),
    "no_text_in_pages": _("The pages hold pictures, not text. Have the text recognised (OCR) first."),
    "not_text": _("The text is neither UTF-8 nor UTF-16. Save it as UTF-8."),
    "old_office": _("This is a file of an old Office version. Save it as .docx or .xlsx."),
    "page_forbidden": _("The address does not lead to a place on the public internet."),
    "page_redirects": _("The site sends the visitor on too often."),
    "page_refused": _("The site answers with an error."),
    "page_timeout": _("The page did not come within 30 seconds."),
    "page_too_large": _("The page is larger than 10 MB."),
    "page_unreachable": _("There is no connection to the site."),
    "too_costly": _("Reading it takes too much time or memory. Split it into smaller files."),
    "too_large_unpacked": _("Unpacked, the file would be far too large."),
    "too_long": _("It is too long. Split it into smaller documents."),
    "too_many_pages": _("It has more than 2,000 pages. Split it into smaller files."),
    "unexpected": _("Something went wrong here. It is tried again when you ask for it."),
    "unknown_kind": _("This is no document that can be read: text, Markdown, HTML, PDF, Word (.docx) or Excel (.xlsx)."),
    "unsafe_xml": _("The file declares a document type, which no Office document does."),
}


class UnreadableDocument(Exception):
    """Nothing of the document can be used; ``code`` is one of ``MESSAGES``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def note(self) -> str:
        """What is stored with the document, and told by ``tenants.notes.told``."""
        return note(MESSAGES[self.code])
