"""The database backend that carries the tenant to PostgreSQL (DESIGN section 3, lock 2).

Named in ``DATABASES["default"]["ENGINE"]`` as ``tenants.postgres``.
"""
