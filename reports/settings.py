"""What a tenant can set about the telling."""

from django.utils.translation import gettext_lazy as _

from tenants.settings import SettingType

SETTINGS = {
    "emails_per_minute": SettingType(
        label=_("E-mails per minute"),
        help_text=_("By all accounts. More wait for the next minute. Mail servers and providers have limits of their own."),
        default=600,
        minimum=1,
        maximum=100_000,
    ),
    "own_server_emails_per_minute": SettingType(
        label=_("E-mails per minute by the installation's server"),
        help_text=_("What each tenant may send by it at most, whatever a tenant sets for itself."),
        default=600,
        minimum=1,
        maximum=100_000,
        of_platform=True,
    ),
    "rephrased_insights_per_day": SettingType(
        label=_("Insights in other words"),
        help_text=_(
            "So many a day, the best first, are also said in the words of the language model. What adds a number, leaves one "
            "out or turns it around is thrown away; our own words always stand beside it. 0: none."
        ),
        default=0,
        maximum=1000,
    ),
    "health_queue_minutes": SettingType(
        label=_("Health: queues are late"),
        help_text=_("Minutes that the oldest due row of any queue may wait before the check warns."),
        default=5,
        minimum=1,
        of_platform=True,
    ),
    "health_queue_error_minutes": SettingType(
        label=_("Health: queues are stuck"),
        help_text=_("Minutes after which it is an error."),
        default=60,
        minimum=1,
        of_platform=True,
    ),
    "health_disk_percent": SettingType(
        label=_("Health: little room on the disk"),
        help_text=_("Per cent that are free, below which the check warns."),
        default=15,
        maximum=100,
        of_platform=True,
    ),
    "health_disk_error_percent": SettingType(
        label=_("Health: too little room on the disk"),
        help_text=_("Per cent that are free, below which it is an error."),
        default=5,
        maximum=100,
        of_platform=True,
    ),
    "mail_sync_minutes": SettingType(
        label=_("Minutes between readings of mail"),
        help_text=_("How often the folders of each e-mail account are brought up to date."),
        default=5,
        minimum=1,
        maximum=1440,
    ),
}
