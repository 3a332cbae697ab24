"""Texts of e-mail made of templates: names in double braces are replaced by values, and by nothing else."""

from collections.abc import Mapping
from html import escape
from typing import Any

from django.utils.translation import gettext as _

from bots.placeholders import fill, placeholders
from reports.models import EmailTemplate
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import current_tenant_id

PARTS = ("subject", "body", "html")
LANGUAGES = ("vi", "en")
LONGEST_VALUE = 10_000


def render_template(template: EmailTemplate, *, values: Mapping[str, Any], language: str = "") -> dict[str, str]:
    """Return subject, body and HTML in a language: the tenant's where none is named, the other where it is not written.

    Values are one line in the subject, text in the body and escaped in the HTML. Raises ``DomainError``
    (``missing_value``, on ``values.<name>``) for a name without a value.
    """
    wanted = language or Tenant.objects.get(pk=current_tenant_id()).locale
    chosen = next(one for one in (wanted, *LANGUAGES) if one in LANGUAGES and getattr(template, f"body_{one}"))
    texts = {part: getattr(template, f"{part}_{chosen}") for part in PARTS}
    known = _values({one.name for text in texts.values() for one in placeholders(text)}, values)
    return {
        "subject": " ".join(fill(texts["subject"], known.__getitem__).split()),
        "body": fill(texts["body"], known.__getitem__),
        "html": fill(texts["html"], lambda name: escape(known[name])),
    }


def _values(names: set[str], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands for each name; raises ``DomainError`` for what is missing or no text or number."""
    found = {}
    for name in sorted(names):
        value = values.get(name)
        if value is None or isinstance(value, (dict, list, bool)) or len(str(value)) > LONGEST_VALUE:
            said = _("The template needs a text or a number for “%(name)s”.") % {"name": name}
            raise DomainError("missing_value", said, field=f"values.{name}")
        found[name] = str(value)
    return found


def names_in(template: EmailTemplate) -> list[str]:
    """Return the names the template asks values for, in all its texts."""
    texts = [getattr(template, f"{part}_{language}") for part in PARTS for language in LANGUAGES]
    return sorted({one.name for text in texts for one in placeholders(text)})
