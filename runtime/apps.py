"""App ``runtime`` (DESIGN section 1)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RuntimeConfig(AppConfig):
    """Registers the app, its settings and the targets of schedules."""

    name = "runtime"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Add what can be set here, what grows old, and what schedules can do."""
        from runtime.erasure import forget_conversations
        from runtime.retention import KEPT
        from runtime.settings import SETTINGS
        from runtime.target_kinds import OWN
        from runtime.targets import register_target
        from tenants.erasure import register_eraser
        from tenants.retention import register_kept
        from tenants.settings import register_settings

        register_settings(SETTINGS)
        register_kept(*KEPT)
        register_eraser(forget_conversations)
        for kind in OWN:
            register_target(kind)
