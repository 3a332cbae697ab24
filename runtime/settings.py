"""What a tenant can set about its conversations."""

from django.utils.translation import gettext_lazy as _

from tenants.settings import SettingType

SETTINGS = {
    "claim_minutes": SettingType(
        label=_("Give a claimed conversation back"),
        help_text=_(
            "Minutes. Who has claimed a conversation and leaves the customer without an answer for so long "
            "loses it: it waits for somebody else, and the bot answers meanwhile."
        ),
        default=15,
        minimum=1,
        maximum=10_080,
    ),
    "session_turns_per_minute": SettingType(
        label=_("Messages of one conversation per minute"),
        help_text=_("More are refused (429) until the minute is over. 0: no limit beyond that of its token."),
        default=0,
        maximum=100_000,
    ),
    "customer_model_turns": SettingType(
        label=_("Questions of one customer to the language model"),
        help_text=_(
            "In 24 hours, over all conversations; of a guest in one. Beyond, the other tiers answer, and a person "
            "is offered."
        ),
        default=500,
        minimum=1,
        maximum=1_000_000,
    ),
    "model_seconds": SettingType(
        label=_("Wait for the language model"),
        help_text=_(
            "Seconds for one message, all calls and tools together. After that what answers without a model does, or a "
            "person is offered."
        ),
        default=12,
        minimum=2,
        maximum=24,
    ),
    "session_idle_minutes": SettingType(
        label=_("End an idle conversation"),
        help_text=_("Minutes without a message. The flow of a bot's version may say otherwise (idle_minutes)."),
        default=1440,
        minimum=1,
        maximum=525_600,
    ),
}
