"""The admin of people and access, and ``TenantAdmin``, the base of every admin page."""

from tenants.admin.asking import asks_first, asks_who
from tenants.admin.base import LedgerAdmin, PlatformAdmin, TenantAdmin, is_platform_staff
from tenants.admin.deliveries import DeliveryAdmin
from tenants.admin.jobs import TaskRunAdmin
from tenants.admin.members import InvitationAdmin, MembershipAdmin
from tenants.admin.people import ApiKeyAdmin, StoredFileAdmin, TenantSettingsAdmin, UserAdmin, show_once
from tenants.admin.records import AuditEntryAdmin, EventAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "DeliveryAdmin",
    "EventAdmin",
    "InvitationAdmin",
    "LedgerAdmin",
    "MembershipAdmin",
    "PlatformAdmin",
    "StoredFileAdmin",
    "TaskRunAdmin",
    "TenantAdmin",
    "TenantSettingsAdmin",
    "UserAdmin",
    "asks_first",
    "asks_who",
    "is_platform_staff",
    "show_once",
]
