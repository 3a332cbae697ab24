"""Who is here, and whose row is this."""

from tenants.models.audit import AuditEntry, AuditSeal
from tenants.models.base import TenantModel, TenantQuery, TenantQuerySet, created_by_field, new_ids, updated_at_field
from tenants.models.deletions import TenantDeletion
from tenants.models.events import Event
from tenants.models.exports import TenantExport
from tenants.models.people import PLATFORM_ID, ApiKey, Membership, Tenant, User, hash_token
from tenants.models.queues import DEATH, MAX_ATTEMPTS, QueueRow, QueueState
from tenants.models.requests import IdempotencyKey, StoredFile
from tenants.models.retention import RetentionSweep
from tenants.models.settings import Setting, UserPreference
from tenants.models.task_runs import TaskRun
from tenants.models.ways_in import AuthIdentity, LoginFailure, LoginToken

__all__ = [
    "DEATH",
    "MAX_ATTEMPTS",
    "PLATFORM_ID",
    "ApiKey",
    "AuditEntry",
    "AuditSeal",
    "AuthIdentity",
    "Event",
    "IdempotencyKey",
    "LoginFailure",
    "LoginToken",
    "Membership",
    "QueueRow",
    "QueueState",
    "RetentionSweep",
    "Setting",
    "StoredFile",
    "TaskRun",
    "Tenant",
    "TenantDeletion",
    "TenantExport",
    "TenantModel",
    "TenantQuery",
    "TenantQuerySet",
    "User",
    "UserPreference",
    "created_by_field",
    "hash_token",
    "new_ids",
    "updated_at_field",
]
