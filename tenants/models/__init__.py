"""Who is here, and whose row is this."""

from tenants.models.base import TenantModel, TenantQuery, TenantQuerySet, new_ids, updated_at_field
from tenants.models.people import PLATFORM_ID, ApiKey, Membership, Tenant, User, hash_token
from tenants.models.requests import IdempotencyKey, StoredFile

__all__ = [
    "PLATFORM_ID",
    "ApiKey",
    "IdempotencyKey",
    "Membership",
    "StoredFile",
    "Tenant",
    "TenantModel",
    "TenantQuery",
    "TenantQuerySet",
    "User",
    "hash_token",
    "new_ids",
    "updated_at_field",
]
