"""What can be set without a restart: every setting's type, default and bounds. Apps add theirs in ``AppConfig.ready``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.errors import DomainError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Value = bool | int | str


@dataclass(frozen=True)
class SettingType:
    """One thing that can be set. The type of ``default`` is the type of every value; bounds are for whole numbers."""

    label: "StrOrPromise"
    help_text: "StrOrPromise"
    default: Value
    minimum: int = 0
    maximum: int = 1_000_000
    of_platform: bool = False
    """Whether it concerns the whole installation: only the tenant ``platform`` can set it."""

    @property
    def kind(self) -> str:
        """Return ``boolean``, ``integer`` or ``string``."""
        return {bool: "boolean", int: "integer"}.get(type(self.default), "string")

    def check(self, value: object) -> Value:
        """Return a value that fits; raises ``DomainError``. No guessing: "1" is no number and 1 is no truth."""
        if type(value) is not type(self.default):
            message = _("This setting takes a value of the type %(kind)s.") % {"kind": self.kind}
            raise DomainError("wrong_type", message, field="value")
        if type(value) is int and not self.minimum <= value <= self.maximum:
            bounds = {"minimum": self.minimum, "maximum": self.maximum}
            raise DomainError("out_of_range", _("From %(minimum)s to %(maximum)s.") % bounds, field="value")
        if isinstance(value, str) and len(value) > 1000:
            raise DomainError("too_long", _("At most 1,000 characters."), field="value")
        return value


SETTINGS: dict[str, SettingType] = {
    "require_second_factor": SettingType(
        label=gettext_lazy("Everybody needs a second factor"),
        help_text=gettext_lazy("Who has none yet is asked to set one up at the next log-in."),
        default=False,
    ),
}


def register_settings(settings: Mapping[str, SettingType]) -> None:
    """Add an app's settings."""
    SETTINGS.update(settings)


def setting_type(name: str) -> SettingType:
    """Return the type of a setting; raises ``DomainError`` (``unknown_setting``)."""
    found = SETTINGS.get(name)
    if found is None:
        raise DomainError("unknown_setting", _("There is no setting “%(name)s”.") % {"name": name}, field="name")
    return found
