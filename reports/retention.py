"""How long samples of health are kept."""

from django.utils.translation import gettext_lazy as _

from reports.health import forget_samples
from tenants.retention import Kept

KEPT = (
    Kept(
        name="health_samples",
        label=_("Keep samples of health"),
        help_text=_("Days. The whole installation's: only what is set in the tenant “Platform” counts. 0: for ever."),
        days=30,
        old=forget_samples,
        of_platform=True,
    ),
)
