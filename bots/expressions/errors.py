"""What can be wrong with an expression: always told with its place."""

from django.utils.translation import gettext as _

from tenants.errors import DomainError

INVALID, TOO_COSTLY = "expression_invalid", "expression_too_costly"


class ExpressionError(DomainError):
    """An expression that cannot be read, may not be run, or failed on these values. ``told``: the message with its place.

    ``offset`` counts characters from 0, ``line`` and ``column`` from 1; a failure has no place of its own and names
    the beginning. Codes: ``expression_invalid`` and ``expression_too_costly`` when it is read; ``division_by_zero``,
    ``no_such_key``, ``out_of_range``, ``cannot_convert``, ``wrong_type`` and ``expression_failed`` when it is run.
    """

    def __init__(self, code: str, message: str, *, source: str = "", offset: int = 0) -> None:
        before = source[:offset]
        self.offset, self.line = offset, before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        self.told = _("Line %(line)d, column %(column)d: %(message)s") % {
            "line": self.line,
            "column": self.column,
            "message": message,
        }
        super().__init__(code, message, position={"offset": offset, "line": self.line, "column": self.column})
