"""What a tenant can set about the telling."""

from django.utils.translation import gettext_lazy as _

from tenants.settings import SettingType

SETTINGS = {
    "emails_per_minute": SettingType(
        label=_("E-mails per minute"),
        help_text=_("More wait for the next minute. Mail servers and providers have limits of their own."),
        default=600,
        minimum=1,
        maximum=100_000,
    ),
}
