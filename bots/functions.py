"""Functions that tools may run: the registry, and those that every installation has.

A function takes its arguments, which fit its schema, and a ``Caller``; it returns what JSON can hold. An app further right adds
its own with ``@tool_function`` in a module that its ``AppConfig.ready`` imports.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant
from tenants.scope import current_tenant_id


@dataclass(frozen=True)
class Caller:
    """For whom a function is run; None: nobody in particular, such as a person who tries it out."""

    bot_id: UUID | None = None
    customer_id: UUID | None = None


Body = Callable[[dict[str, Any], Caller], Any]


@dataclass(frozen=True)
class Function:
    """A function that tools may name; ``reads``: it changes nothing."""

    name: str
    title: str | Promise
    parameters: dict[str, Any]
    run: Body
    reads: bool


FUNCTIONS: dict[str, Function] = {}
"""By name; filled when the modules that hold functions are imported."""


def tool_function(
    name: str, *, title: str | Promise, parameters: dict[str, Any], reads: bool = True
) -> Callable[[Body], Body]:
    """Return a decorator that lets tools run the function under ``name``; ``parameters`` is its JSON schema."""

    def register(run: Body) -> Body:
        FUNCTIONS[name] = Function(name, title, parameters, run, reads)
        return run

    return register


@tool_function("business_time", title=_("Date and time at the business"), parameters={"type": "object", "properties": {}})
def business_time(arguments: dict[str, Any], caller: Caller) -> dict[str, str]:
    """Return the date, the time and the weekday (in English) in the tenant's time zone."""
    zone = Tenant.objects.values_list("time_zone", flat=True).get(pk=current_tenant_id())
    now = timezone.now().astimezone(ZoneInfo(zone))
    return {"date": now.date().isoformat(), "time": f"{now:%H:%M}", "weekday": f"{now:%A}", "time_zone": zone}
