"""How the admin looks: its name and the navigation by app, shown by permission."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse, reverse_lazy
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

Entry = tuple[Any, str, str]
"""Title, icon and model; or a page of the model that is not its list, by the name of its action. Behind a question mark
stands what a list is narrowed to."""

CATALOGUE: list[Entry] = [
    (_("Offerings"), "sell", "catalog.offering"),
    (_("Prices"), "price_change", "catalog.pricelist"),
    (_("Orders"), "shopping_cart", "catalog.order"),
    (_("Stock"), "inventory_2", "catalog.inventoryitem"),
    (_("Low stock"), "production_quantity_limits", "catalog.inventoryitem?low=yes"),
    (_("Stock movements"), "swap_vert", "catalog.stockmovement"),
    (_("Price changes"), "history", "catalog.pricechange"),
    (_("Customers"), "group", "catalog.customer"),
    (_("Imports"), "upload_file", "catalog.importjob"),
    (_("Column mappings"), "table_convert", "catalog.importmapping"),
    (_("Try the search"), "search", "catalog.searchsynonym.try_search"),
    (_("Synonyms"), "match_word", "catalog.searchsynonym"),
    (_("Sales channels"), "storefront", "catalog.saleschannel"),
    (_("Locations"), "warehouse", "catalog.inventorylocation"),
]
BOTS: list[Entry] = [
    (_("Bots"), "smart_toy", "bots.bot"),
    (_("Versions"), "layers", "bots.botversion"),
    (_("FAQs"), "quiz", "bots.faq"),
    (_("Collections"), "folder_copy", "bots.knowledgecollection"),
    (_("Documents"), "description", "bots.knowledgedocument"),
    (_("Intents"), "category", "bots.intent"),
    (_("Retrieval lab"), "biotech", "bots.retrievalmark.lab"),
    (_("Guardrails"), "shield", "bots.guardrail"),
    (_("Try the guardrails"), "science", "runtime.session.try_guardrails"),
    (_("Tools"), "build", "bots.tool"),
    (_("Memory"), "psychology", "bots.botmemory"),
]
CONVERSATIONS: list[Entry] = [
    (_("Waiting conversations"), "support_agent", "runtime.escalation.waiting"),
    (_("Conversations"), "forum", "runtime.session"),
    (_("Messages"), "chat", "runtime.turn"),
    (_("Cached answers"), "cached", "runtime.semanticcacheentry"),
    (_("Escalations"), "record_voice_over", "runtime.escalation"),
    (_("Knowledge gaps"), "contact_support", "runtime.knowledgegap"),
    (_("Ratings"), "thumbs_up_down", "runtime.rating"),
]
REPORTS: list[Entry] = [
    (_("Daily figures"), "calendar_month", "reports.dailymetric.days"),
    (_("Inbox"), "inbox", "reports.insightdelivery.inbox"),
    (_("Insights"), "lightbulb", "reports.insight"),
    (_("Who is told"), "notifications_active", "reports.insightsubscription"),
    (_("Insight deliveries"), "send", "reports.insightdelivery"),
    (_("Unsubscribed addresses"), "unsubscribe", "reports.insightoptout"),
    (_("Reports"), "summarize", "reports.report"),
]
EMAIL: list[Entry] = [
    (_("Received e-mails"), "inbox", "reports.mailmessage"),
    (_("Mail folders"), "folder_open", "reports.mailfolder"),
    (_("E-mails"), "mail", "reports.emailmessage"),
    (_("E-mail deliveries"), "outgoing_mail", "reports.emaildelivery"),
    (_("E-mail templates"), "draft", "reports.emailtemplate"),
    (_("E-mail accounts"), "alternate_email", "reports.mailbox"),
]
CONNECTIONS: list[Entry] = [
    (_("Usage"), "receipt_long", "vault.usageentry"),
    (_("Budgets"), "savings", "vault.budget"),
    (_("Model prices"), "payments", "vault.modelprice"),
    (_("Credentials"), "vpn_key", "vault.credential"),
    (_("Uses of credentials"), "receipt_long", "vault.credentialuse"),
    (_("Event destinations"), "webhook", "vault.eventdestination"),
    (_("Event deliveries"), "outbox", "vault.eventdelivery"),
]
WORK: list[Entry] = [
    (_("Schedules"), "event_repeat", "runtime.schedule"),
    (_("Scheduled runs"), "schedule", "runtime.scheduleoccurrence"),
    (_("Jobs"), "work_history", "tenants.taskrun.jobs"),
    (_("Task runs"), "checklist", "tenants.taskrun"),
    (_("Health"), "monitor_heart", "reports.healthcheck"),
]
PEOPLE: list[Entry] = [
    (_("Settings"), "tune", "tenants.tenant"),
    (_("Members"), "badge", "tenants.membership"),
    (_("Invitations"), "mail", "tenants.logintoken"),
    (_("API keys"), "key", "tenants.apikey"),
    (_("Files"), "folder", "tenants.storedfile"),
    (_("Audit"), "policy", "tenants.auditentry"),
    (_("Events"), "campaign", "tenants.event"),
    (_("Erasures"), "person_off", "catalog.erasure"),
]
PLATFORM: list[Entry] = [
    (_("Tenants"), "domain", "tenants.tenant"),
    (_("Health"), "monitor_heart", "reports.healthcheck"),
    (_("Errors"), "bug_report", "reports.errorlog"),
    (_("Jobs"), "work_history", "tenants.taskrun.jobs"),
    (_("Users"), "person", "tenants.user"),
    (_("Knowledge domains"), "category", "catalog.knowledgedomain"),
    (_("Attributes"), "list_alt", "catalog.attributedefinition"),
    (_("Capabilities"), "extension", "bots.capability"),
    (_("Model prices"), "payments", "vault.modelprice"),
]


MOST_COUNTED = 1000
"""Of what waits, however much it is: every page of the admin counts it."""


def _waiting(_request: HttpRequest) -> int:
    model: Any = apps.get_model("runtime.Escalation")  # the settings, which no model is known to yet, import this module
    return int(model.objects.waiting()[:MOST_COUNTED].count())


def _unread(request: HttpRequest) -> int:
    model: Any = apps.get_model("reports.InsightDelivery")
    return int(model.objects.unread(request.user)[:MOST_COUNTED].count())


BADGES: dict[str, Callable[[HttpRequest], int]] = {
    "runtime.escalation.waiting": _waiting,
    "reports.insightdelivery.inbox": _unread,
}
"""What is counted beside an entry, by its model or page; nothing stands there for 0."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the sidebar: inside a tenant its own pages, outside those of the platform."""
    home = {"title": None, "items": [{"title": _("Home"), "icon": "home", "link": reverse("admin:index")}]}
    if request.tenant is None:  # type: ignore[attr-defined]
        return [home, *_marked(request, _group(request, _("Platform"), PLATFORM))]
    return [
        home,
        *_marked(
            request,
            _group(request, _("Conversations"), CONVERSATIONS),
            _group(request, _("Bots"), BOTS),
            _group(request, _("Catalogue"), CATALOGUE),
            _group(request, _("Reports"), REPORTS),
            _group(request, _("E-mail"), EMAIL),
            _group(request, _("Connections"), CONNECTIONS),
            _group(request, _("Background work"), WORK),
            _group(request, _("People and access"), PEOPLE),
        ),
    ]


def _marked(request: HttpRequest, *groups: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Mark where the reader is: of "Stock" and "Low stock", which is a part of it, one."""
    items = [item for group in groups for item in group["items"]]
    here = request.get_full_path()
    nearest = max((item["link"] for item in items if here.startswith(item["link"])), key=len, default=None)
    for item in items:
        item["active"] = item["link"] == nearest
    return groups


def _group(request: HttpRequest, title: Any, entries: list[Entry]) -> dict[str, Any]:
    items = [item for entry in entries if (item := _item(request, *entry))]
    return {"title": title, "separator": True, "items": items}


def _item(request: HttpRequest, title: Any, icon: str, entry: str) -> dict[str, Any] | None:
    model, narrowed, query = entry.partition("?")
    app_label, model_name, *_page = model.split(".")
    link = _address(model)
    if link is None or not request.user.has_perm(f"{app_label}.view_{model_name}"):
        return None
    item = {"title": capfirst(title), "icon": icon, "link": f"{link}{narrowed}{query}"}
    return item | ({"badge": BADGES[entry](request), "badge_variant": "warning"} if entry in BADGES else {})


@cache
def _address(model: str) -> str | None:
    """Return where the list of a model or a page of it stands, if there is one: asked for 40 times by every page."""
    app_label, model_name, *page = model.split(".")
    try:
        return reverse("_".join([f"admin:{app_label}", model_name, *(page or ["changelist"])]))
    except NoReverseMatch:
        return None


UNFOLD = {
    "SITE_TITLE": "Backroom",
    "SITE_HEADER": "Backroom",
    "SITE_SUBHEADER": _("The back office for bots that sell"),
    "SITE_SYMBOL": "storefront",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("tenants/favicon.svg")}],
    "STYLES": [lambda request: static("tenants/admin.css")],
    "SCRIPTS": [lambda request: static("tenants/labels.js")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": "/admin/language/"},
    "ACCOUNT": {"navigation": [{"title": _("My account"), "link": reverse_lazy("account")}]},
    "DASHBOARD_CALLBACK": "reports.dashboard.home",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "config.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "#eefbf7",
            "100": "#d5f5ea",
            "200": "#aeead8",
            "300": "#79d8c0",
            "400": "#43bfa3",
            "500": "#20a388",
            "600": "#13836e",
            "700": "#12695a",
            "800": "#125349",
            "900": "#12453d",
            "950": "#042723",
        }
    },
}
