"""The admin of the vault."""

from vault.admin.events_out import EventDeliveryAdmin, EventDestinationAdmin

__all__ = ["EventDeliveryAdmin", "EventDestinationAdmin"]
