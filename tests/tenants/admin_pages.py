"""The admin as a person uses it: a logged-in browser, and pages by name."""

import re
from typing import Any

from django.forms import MultipleChoiceField
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tenants.models import Tenant, User


def browser(user: User, tenant: Tenant | None = None) -> Client:
    """Return a browser in which the person is logged in and, if named, has entered the tenant."""
    client = Client()
    client.force_login(user)
    if tenant is not None:
        client.post(reverse("switch_tenant"), {"tenant": tenant.id})
    return client


def page(name: str, *args: Any) -> str:
    """Return the address of an admin page, such as ``page("tenants_membership_add")``."""
    return reverse(f"admin:{name}", args=args)


def text_of(response: HttpResponse) -> str:
    """Return what the page says, tags removed."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def hidden(response: HttpResponse, name: str) -> str:
    """Return the value of a hidden input."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, f"no input {name}"
    return found[1]


def form_of(response: HttpResponse) -> dict[str, Any]:
    """What the browser would send back from a change page."""
    forms = [response.context["adminform"].form, *(one.formset for one in response.context["inline_admin_formsets"])]  # type: ignore[attr-defined]
    fields = [
        field
        for form in forms
        for part in ([form] if hasattr(form, "fields") else [form.management_form, *form.forms])
        for field in part
    ]
    data = {field.html_name: field.value() for field in fields}
    data |= {field.html_initial_name: data[field.html_name] for field in fields if field.field.show_hidden_initial}
    hidden = re.findall(r'name="(_version|_tenant)" value="([^"]*)"', response.content.decode())
    ticked = {field.html_name: data[field.html_name] for field in fields if isinstance(field.field, MultipleChoiceField)}
    return {**{name: _posted(value) for name, value in data.items()}, **ticked, **dict(hidden)}


def _posted(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else value
