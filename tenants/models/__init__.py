"""Who is here, and whose row is this."""

from tenants.models.base import TenantModel, TenantQuery, TenantQuerySet, updated_at_field
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
    "updated_at_field",
]
