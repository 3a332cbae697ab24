"""The admin of conversations: the list, the transcript with the decisions beside it, and talking to a bot oneself."""

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from bots.models import Bot
from catalog.models import SalesChannel
from runtime.admin.guardrails import trial_context
from runtime.admin.pages import MESSAGE_LENGTH
from runtime.escalations import Colleague, claim, escalate
from runtime.export import export_transcripts
from runtime.models import Escalation, Rating, Session, Tier, Turn
from runtime.models.sessions import ORIGIN
from runtime.ratings import rate_turn
from runtime.services import SAY, start_session
from runtime.streaming import MEDIA_TYPE, streamed_turn
from runtime.transcript import read_transcript
from runtime.turn import take_turn
from tenants.admin import LedgerAdmin, asks_first
from tenants.admin.filters import TimeFilter
from tenants.errors import DomainError
from tenants.models import Tenant

TIER_LABELS = {
    Tier.GUARDRAIL: "danger",
    Tier.CACHE: "info",
    Tier.FAQ: "success",
    Tier.CATALOG: "primary",
    Tier.LLM: "info",
    Tier.HANDOFF: "warning",
}
"""Colour of each tier, by the names of unfold's labels; grey for the others."""


class OpenFilter(admin.SimpleListFilter):
    """Conversations that go on, or have ended."""

    title = _("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Open")), ("no", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "yes")


class AskedFilter(admin.SimpleListFilter):
    """Conversations that a person was asked into, and those without."""

    title = _("a person was asked")
    parameter_name = "asked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Narrow the list."""
        asked = Exists(Escalation.objects.filter(session=OuterRef("pk")))
        match self.value():
            case "yes":
                return queryset.filter(asked)
            case "no":
                return queryset.filter(~asked)
        return queryset


class TalkForm(forms.Form):
    """Whom to talk to, where (prices depend on the channel), and in which language to be greeted."""

    bot = forms.ModelChoiceField(
        Bot.objects.filter(status=Bot.Status.ACTIVE)
        .with_active_version()
        .order_by(F("active_version").desc(nulls_last=True)),
        label=_("Bot"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    channel = forms.ModelChoiceField(
        SalesChannel.objects.filter(is_active=True), label=_("Channel"), empty_label=None, widget=UnfoldAdminSelectWidget
    )
    language = forms.ChoiceField(
        choices=[("", _("That of the business")), *Tenant.Locale.choices],
        required=False,
        label=_("Language"),
        help_text=_("The bot greets in it. It answers in that of each message."),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer bots that can speak first."""
        super().__init__(*args, **options)
        bots = Bot.objects.filter(status=Bot.Status.ACTIVE).with_active_version()
        self.fields["bot"].queryset = bots.order_by(F("active_version").desc(nulls_last=True), "name")  # type: ignore[attr-defined]


class MessageForm(forms.Form):
    """What to say, or which button under the last answer is pressed. ``external_id`` makes a double click one message."""

    message = forms.CharField(
        max_length=MESSAGE_LENGTH,
        required=False,
        label=_("Message"),
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 2, "autofocus": True, "placeholder": _("Write as a customer would")}
        ),
    )
    external_id = forms.CharField(max_length=64, widget=forms.HiddenInput)
    press = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, session: Session, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.session = session

    def clean(self) -> dict[str, Any]:
        """Return the turn to take: a button that only says its title is a message, any other an event."""
        asked = super().clean() or {}
        button = _button(self.session, asked.pop("press", ""))
        if button and button.get("action") == SAY:
            return {**asked, "message": str(button.get("title", ""))}
        if button:
            return {**asked, "message": "", "ui_event": button}
        if not asked.get("message"):
            self.add_error("message", gettext("Write a message."))
        return asked


def _button(session: Session, pressed: str) -> dict[str, Any] | None:
    """Return the quick reply that was pressed, ``<turn>:<place>``, as the bot offered it."""
    turn_id, _colon, place = pressed.partition(":")
    turn = Turn.objects.filter(session=session, pk=turn_id).first() if _is_id(turn_id) else None
    offered = turn.ui_metadata.get("quick_replies") if turn else None
    buttons = {str(number): one for number, one in enumerate(offered)} if isinstance(offered, list) else {}
    button = buttons.get(place)
    return button if isinstance(button, dict) else None


@admin.register(Session)
class SessionAdmin(LedgerAdmin):
    """Conversations, to read; and a page to talk to a bot as a customer would."""

    list_display = ("who", "bot", "channel", "owner_label", "turn_number", "last_said", "tier_label", "started", "ended")
    list_display_links = ("who",)
    list_filter = ("bot", "channel", "owner", OpenFilter, AskedFilter, ("created_at", TimeFilter))
    list_filter_submit = True
    list_select_related = ("customer", "bot", "channel")
    link_filters = ("customer", "bot_version")
    search_fields = ("customer__name", "customer__phone", "customer__email")
    search_help_text = _("Finds customers, and what was said.")
    ordering = ("-id",)
    actions_list = ("talk",)
    actions_detail = ("say", "take_over", "rate")
    actions: Any = ("export_csv", "export_jsonl")
    empty_message = _("Here you will read what customers and bots say to each other. Try one of your bots yourself first.")
    empty_links = ((_("Talk to a bot"), "admin:runtime_session_talk"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the conversations with their last message."""
        said = Turn.objects.filter(session=OuterRef("pk")).order_by("-id")
        return super().get_queryset(request).annotate(last_message=Subquery(said.values("message")[:1]))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by customer, and by what was said as the API does."""
        by_customer, may_repeat = super().get_search_results(request, queryset, search_term)
        if not search_term.strip():
            return by_customer, may_repeat
        said = Session.objects.saying(search_term.strip()).values("pk")
        return queryset.filter(Q(pk__in=by_customer.values("pk")) | Q(pk__in=said)), False

    @display(description=_("customer"), ordering="customer__name")
    def who(self, session: Session) -> str:
        """Show the customer, or that a colleague tried the bot."""
        if session.is_trial:
            label = {"text": _("Test"), "type": "info", "size": "md"}
            return format_html("{} {}", gettext("Colleague"), render_to_string("unfold/helpers/label.html", label))
        return str(session.customer or _("Guest"))

    @display(description=_("answered by"), ordering="owner", label={"person": "success", "bot": "info"})
    def owner_label(self, session: Session) -> tuple[str, str]:
        """Show who answers now as a label."""
        return session.owner, session.get_owner_display()

    @display(description=_("last message"))
    def last_said(self, session: Any) -> str:
        """Show how the last message begins."""
        return truncatechars(session.last_message or "", 60)

    @display(description=_("answered from"), ordering="last_tier", label=dict(TIER_LABELS))
    def tier_label(self, session: Session) -> tuple[str, str] | None:
        """Show the tier of the last answer as a label."""
        return (session.last_tier, str(Tier(session.last_tier).label)) if session.last_tier in Tier.values else None

    @display(description=_("started"), ordering="created_at")
    def started(self, session: Session) -> str:
        """Show when the conversation began."""
        return _moment(session.created_at)

    @display(description=_("ended"), ordering="ended_at")
    def ended(self, session: Session) -> str | None:
        """Show when the conversation ended."""
        return _moment(session.ended_at) if session.ended_at else None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the transcript."""
        session = self.get_object(request, object_id)
        if session is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request, session):
            raise PermissionDenied
        waiting = Escalation.objects.unresolved().filter(session=session).first()
        return self._page(
            request,
            "session",
            session=session,
            may_talk=self.has_talk_permission(request),
            may_work=self.has_work_permission(request),
            escalation_url=reverse("admin:runtime_escalation_change", args=[waiting.pk]) if waiting else "",
        )

    def has_talk_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may hold conversations, not only read them."""
        return request.user.has_perms(["runtime.add_session", "runtime.add_turn"])

    @action(description=_("Talk to a bot"), icon="forum", url_path="talk", permissions=["talk"])
    def talk(self, request: HttpRequest) -> HttpResponse:
        """Choose a bot and begin."""
        asked = {name: request.GET[name] for name in ("bot", "channel", "language") if name in request.GET}
        form = TalkForm(request.POST or None, initial=asked)
        if request.method == "POST" and form.is_valid():
            try:
                session, _token = start_session(**form.cleaned_data, ext_metadata=ORIGIN)
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                return redirect("admin:runtime_session_say", session.pk)
        return self._page(request, "talk", form=form, title=_("Talk to a bot"))

    @action(description=_("Talk on"), icon="forum", url_path="talk", permissions=["talk"])
    def say(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Say something in a conversation that was begun here; nobody speaks in a customer's name.

        The page's script asks for events and hears the answer sentence by sentence; without scripts the page comes again.
        """
        session = self.get_object(request, object_id)
        if session is None or not session.is_trial:
            return redirect("admin:runtime_session_talk")
        form = MessageForm(session, request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                asked = {"session_id": session.pk, **form.cleaned_data}
                if MEDIA_TYPE in request.headers.get("Accept", ""):
                    return streamed_turn(asked, lambda _recorded: {})
                take_turn(**asked)
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                return redirect("admin:runtime_session_say", session.pk)
        return self._page(request, "say", session=session, form=form, next_id=uuid.uuid4())

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Add the page that tries guardrails: their rules stand in ``bots``, the turns they are asked in here."""
        return (("try-guardrails/", "runtime_session_try_guardrails", self.try_guardrails),)

    def try_guardrails(self, request: HttpRequest, model_admin: Any = None) -> HttpResponse:
        """Ask the guardrails about a message and a reply (unfold passes ``model_admin``)."""
        if not request.user.has_perm("bots.view_guardrail"):
            raise PermissionDenied
        return self._page(request, "guardrails", **trial_context(request))

    # --- as a colleague

    def has_work_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may answer customers and judge answers."""
        return request.user.has_perms(["runtime.change_escalation", "runtime.add_rating"])

    @action(description=_("Take over"), icon="pan_tool", url_path="take-over", permissions=["work"])
    @asks_first
    def take_over(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer in this conversation oneself; the bot is silent from now on."""
        person: Any = request.user  # nobody anonymous gets here
        session = self.get_object(request, object_id)
        try:
            row, _is_new = escalate(session=session, origin=Escalation.Origin.STAFF, created_by=person)
            claim(escalation=row, by=Colleague(person.pk, person))
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("admin:runtime_session_change", object_id)
        return redirect("admin:runtime_escalation_change", row.pk)

    @action(description=_("Rate"), icon="thumbs_up_down", permissions=["work"])
    def rate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the thumb that was pressed beside an answer, ``<turn>:<vote>``."""
        session = self.get_object(request, object_id)
        if session is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        turn_id, _colon, vote = request.POST.get("rate", "").partition(":")
        turn = Turn.objects.filter(session=session, pk=turn_id).first() if _is_id(turn_id) else None
        if turn and vote in Rating.Vote.values:
            rate_turn(turn=turn, vote=vote, person=request.user)  # type: ignore[arg-type] # nobody anonymous gets here
        return redirect("admin:runtime_session_change", object_id)

    @admin.action(description=_("Export what was said as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet) -> FileResponse:
        """Download the chosen conversations, a message a line."""
        return export_transcripts(queryset, "csv")

    @admin.action(description=_("Export what was said as JSON Lines"), permissions=["view"])
    def export_jsonl(self, request: HttpRequest, queryset: QuerySet) -> FileResponse:
        """Download the chosen conversations, a conversation a line."""
        return export_transcripts(queryset, "jsonl")

    def _page(self, request: HttpRequest, name: str, *, session: Session | None = None, **more: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **more}
        if session:
            context |= {
                "title": session.heading,
                "session": session,
                "original": session,
                "is_trial": session.is_trial,
                "transcript": read_transcript(session, before=_before(request)),
                "limits": _limits(session),
            }
        return TemplateResponse(request, f"runtime/admin/{name}.html", context)


def _limits(session: Session) -> list[tuple[Any, str]]:
    """Return what a conversation is limited to: names behind what they are of."""
    if not (session.limits_collections or session.limits_tools):
        return []
    scopes = list(session.scopes.select_related("collection", "tool"))
    kinds = (("collection", _("collections"), session.limits_collections), ("tool", _("tools"), session.limits_tools))
    named = {
        kind: ", ".join(sorted(str(one) for scope in scopes if (one := getattr(scope, kind)))) for kind, *_rest in kinds
    }
    return [(title, named[kind] or "–") for kind, title, is_limited in kinds if is_limited]


def _moment(when: datetime) -> str:
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _before(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("before", ""))
    except ValueError:
        return None
