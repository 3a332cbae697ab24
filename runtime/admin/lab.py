"""The admin of the retrieval lab: type a question, see what is found and why, and mark what is right."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from bots.calibration import CALIBRATED, MARK_WEIGHT, calibrate_anew, set_by_hand
from bots.marks import mark_source, mark_unanswered
from bots.models import AnswerThreshold, Bot, BotVersion, KnowledgeChunk, RetrievalMark
from bots.models.retrieval import QUESTION_LENGTH
from bots.thresholds import FEWEST, default_of
from catalog.search import ANSWER_THRESHOLD, FIT_THRESHOLD, Hit
from runtime.lab import MOST, Found, Looked, look, run_again
from runtime.models import Tier
from runtime.trial import thresholds_of
from tenants.admin import TenantAdmin
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.queue import QueueState

LAB = "admin:bots_retrievalmark_lab"
EXCERPT = 300
"""Characters of a text on the page."""

KINDS = {"faq": _("FAQs"), "document": _("Documents"), "intent": _("Intents")}
PARTS = {"vector": _("meaning"), "text": _("words"), "priority": _("priority"), "synonyms": _("of these by synonyms")}
PAGES = {"faq": "admin:bots_faq_change", "offering": "admin:catalog_offering_change"}


class LabForm(forms.Form):
    """Whom to ask, and what: of a bot the version it speaks with, or another one to try before it is activated."""

    bot = forms.ModelChoiceField(
        Bot.objects.filter(status=Bot.Status.ACTIVE), label=_("Bot"), empty_label=None, widget=UnfoldAdminSelectWidget
    )
    q = forms.CharField(
        max_length=QUESTION_LENGTH,
        required=False,
        label=_("Question"),
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "placeholder": _("Write as a customer would")}),
    )
    version = forms.CharField(required=False, max_length=10, label=_("Version"), widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        choices=[("", _("That of the question")), *Tenant.Locale.choices],
        required=False,
        label=_("Spoken before"),
        widget=UnfoldAdminSelectWidget,
    )

    def offer_versions(self, bot: Bot | None) -> None:
        """Offer the versions of the bot that was asked last; the empty choice is the one it speaks with."""
        numbers = BotVersion.objects.filter(bot=bot).order_by("-version").values_list("version", flat=True)
        offered = [(str(number), f"v{number}") for number in numbers]
        self.fields["version"].widget.choices = [("", _("The active one")), *offered]

    def clean(self) -> dict[str, Any]:
        """Return the version itself; a number that this bot does not have stands for the active one."""
        said = super().clean() or {}
        number = said.get("version", "")
        mine = BotVersion.objects.filter(bot=said.get("bot"))
        return {**said, "version": mine.filter(version=number).first() if number.isdecimal() else None}


class MarkForm(LabForm):
    """A judgement about a hit, or about the question alone."""

    verdict = forms.ChoiceField(choices=[(one, one) for one in ("right", "wrong", "none")])
    kind = forms.CharField(required=False, max_length=16)
    source = forms.UUIDField(required=False)

    def keep(self, request: HttpRequest) -> None:
        """Mark what the valid form says; raises ``DomainError``."""
        said: dict[str, Any] = self.cleaned_data
        person: Any = request.user  # nobody anonymous gets here
        asked = {"bot": said["bot"], "question": said["q"], "created_by": person}
        if said["verdict"] == "none":
            mark_unanswered(**asked)
        else:
            is_right = said["verdict"] == "right"
            mark_source(**asked, kind=said["kind"], source_id=said["source"], is_right=is_right)


class ByHandForm(forms.Form):
    """The threshold that somebody sets."""

    by_hand = forms.DecimalField(
        label=_("Set by hand (%)"),
        required=False,
        min_value=0,
        max_value=100,
        max_digits=4,
        decimal_places=1,
        help_text=_("For FAQs and documents. Empty: what was calibrated holds."),
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "0.5"}),
    )


@admin.register(RetrievalMark)
class RetrievalMarkAdmin(TenantAdmin):
    """Marked questions, and the lab they are marked in."""

    list_display = ("asked", "judgement", "source", "bot", "created_by", "updated_at")
    list_display_links = ("asked",)
    list_filter = ("bot", "is_right", "kind")
    list_select_related = ("bot", "created_by")
    search_fields = ("question", "title")
    ordering = ("-updated_at", "-id")
    fields = ("question", "judgement", "source", "bot", ("created_by", "updated_at"))
    readonly_fields = ("judgement", "source")
    export_fields = ("question", "kind", "title", "is_right", "bot", "created_by", "updated_at")
    actions_list = ("lab",)
    empty_message = _(
        "Ask your bots what customers ask, and mark which answers are right. The marks show how well a bot finds, and teach it "
        "when to say that it does not know."
    )
    empty_links = ((_("Retrieval lab"), LAB),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never here: marks are made in the lab."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a question is marked again in the lab."""
        return False

    @display(description=_("question"), ordering="question")
    def asked(self, mark: RetrievalMark) -> str:
        """Show how the question begins."""
        return truncatechars(mark.question, 100)

    @display(
        description=_("marked as"), ordering="is_right", label={"right": "success", "wrong": "danger", "none": "warning"}
    )
    def judgement(self, mark: RetrievalMark) -> tuple[str, Any]:
        """Show the judgement as a label."""
        if mark.source_id is None:
            return "none", _("Nothing answers it")
        return ("right", _("Right")) if mark.is_right else ("wrong", _("Wrong"))

    @display(description=_("source"))
    def source(self, mark: RetrievalMark) -> str:
        """Show what was judged, as it was called then."""
        return f"{mark.get_kind_display()}: {truncatechars(mark.title, 80)}" if mark.source_id else "–"

    def has_lab_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the person may look at what bots find."""
        return request.user.has_perms(["bots.view_retrievalmark", "bots.view_faq", "catalog.view_offering"])

    @action(description=_("Retrieval lab"), icon="biotech", url_path="lab", permissions=["lab"])
    def lab(self, request: HttpRequest) -> HttpResponse:
        """Ask a bot and show why it finds what it finds; marks come back here by POST."""
        if request.method == "POST":
            return self._do(request)
        form = LabForm(_asked(request))
        bot = _bot_of(form)
        said: dict[str, Any] = form.cleaned_data if form.is_bound and form.is_valid() else {}
        how = {"version": said.get("version"), "language": said.get("language", "")}
        form = form if form.is_bound else LabForm(initial={"bot": bot})
        form.offer_versions(bot)
        context = {
            **self.admin_site.each_context(request),
            "model_admin": self,
            "title": _("Retrieval lab"),
            "form": form,
            "bot": bot,
            "may_mark": request.user.has_perm("bots.add_retrievalmark"),
            **(_threshold_context(bot) if bot else {}),
            **(_looked_context(look(bot, said["q"], **how)) if bot and said.get("q", "").strip() else {}),
            **how,
            "summary": run_again(bot, version=how["version"]) if bot and "again" in request.GET else None,
            "marked": RetrievalMark.objects.filter(bot=bot).values("question_key").distinct().count() if bot else 0,
            "most": MOST,
        }
        return TemplateResponse(request, "runtime/admin/lab.html", context)

    def _do(self, request: HttpRequest) -> HttpResponse:
        """Do what a button of the page says, and show the same question again."""
        if not request.user.has_perms(["bots.add_retrievalmark", "bots.change_answerthreshold"]):
            raise PermissionDenied
        form = LabForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Choose one of your bots, and a question of up to 500 characters."))
            return redirect(LAB)
        does: dict[str, Callable[[HttpRequest, Bot], None]] = {"mark": _mark, "by_hand": _set, "calibrate": _calibrate}
        try:
            does[request.POST.get("do", "mark")](request, form.cleaned_data["bot"])
        except KeyError:
            messages.error(request, _("There is no such button."))
        except DomainError as error:
            messages.error(request, error.message)
        asked = {name: form.data[name] for name in ("bot", "q", "version", "language") if form.data.get(name)}
        return redirect(f"{reverse(LAB)}?{urlencode(asked)}")


def _mark(request: HttpRequest, bot: Bot) -> None:
    form = MarkForm(request.POST)
    if form.is_valid():
        form.keep(request)
        messages.success(request, _("Marked. The threshold is calibrated with it within a minute."))
    else:
        messages.error(request, _("The bot does not find this any more."))


def _set(request: HttpRequest, bot: Bot) -> None:
    form = ByHandForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("A threshold lies between 0 and 100 %."))
        return
    percent: Decimal | None = form.cleaned_data["by_hand"]
    set_by_hand(bot, None if percent is None else float(percent) / 100)
    messages.success(request, _("Set. It holds from the next message on."))


def _calibrate(request: HttpRequest, bot: Bot) -> None:
    calibrate_anew(bot)
    messages.success(request, _("It is calibrated anew in the background: look again in a minute."))


def _asked(request: HttpRequest) -> QueryDict | None:
    """Return what the address asks; of no bot it names, the first one is asked."""
    if not request.GET.keys() & {"bot", "q"}:
        return None
    asked = request.GET.copy()
    if "bot" not in asked and (bot := _bot_of(LabForm())):
        asked["bot"] = str(bot.pk)
    return asked


def _bot_of(form: LabForm) -> Bot | None:
    """Return the bot that was chosen, at first the first one."""
    if form.is_bound:
        return form.cleaned_data["bot"] if form.is_valid() else None
    bots: QuerySet[Bot] = Bot.objects.filter(status=Bot.Status.ACTIVE).order_by("code")
    return bots.first()


def _threshold_context(bot: Bot) -> dict[str, Any]:
    """Return what holds for each kind of text, where it comes from, and what it does to the questions it was made of."""
    row = AnswerThreshold.objects.filter(bot=bot).first()
    hold, made_of = thresholds_of(row), row.made_of if row else {}
    by_hand = row.by_hand if row else None
    return {
        "thresholds": [_shown_threshold(kind, hold, made_of.get(kind), by_hand) for kind in CALIBRATED],
        "threshold_row": row,
        "is_calibrating": row is not None and row.state in (QueueState.PENDING, QueueState.RUNNING),
        "calibration_failed": row is not None and row.state == QueueState.FAILED,
        "default": _percent(ANSWER_THRESHOLD),
        "fit": _percent(FIT_THRESHOLD),
        "fewest": FEWEST,
        "mark_weight": MARK_WEIGHT,
        "by_hand": ByHandForm(initial={"by_hand": None if by_hand is None else round(by_hand * 100, 1)}),
    }


def _shown_threshold(
    kind: str, hold: dict[str, float], made_of: dict[str, Any] | None, by_hand: float | None
) -> dict[str, Any]:
    is_by_hand = by_hand is not None and kind != "intent"
    return {
        "label": KINDS[kind],
        "value": _percent(hold.get(kind, default_of(kind))),
        "origin": _("set by hand") if is_by_hand else _("calibrated") if kind in hold else _too_few(made_of or {}),
        "answered": _share_of(made_of, "answered", "answerable"),
        "refused": _share_of(made_of, "refused", "unanswerable"),
    }


def _too_few(made_of: dict[str, Any]) -> str:
    """Return how many questions there are, where they are too few to calibrate by."""
    said = _("the default, for there are too few questions: %(answerable)d with an answer, %(unanswerable)d without")
    return str(said % {name: made_of.get(name, 0) for name in ("answerable", "unanswerable")})


def _share_of(made_of: dict[str, Any] | None, share: str, number: str) -> str:
    """Return such as “86 % of 103”; of no question there is no share."""
    if not made_of or not made_of[number]:
        return "–"
    return str(_("%(share)s of %(number)s") % {"share": _percent(made_of[share]), "number": made_of[number]})


def _looked_context(looked: Looked) -> dict[str, Any]:
    """Return what the page shows of a question."""
    documents = KnowledgeChunk.objects.filter(pk__in=[one.hit.id for one in looked.found if one.hit.kind == "document"])
    document_of = dict(documents.values_list("pk", "document_id"))
    reply = looked.rehearsed.reply
    return {
        "looked": looked,
        "asked_of": looked.question,
        "hits": [_shown_hit(one, document_of, looked.rehearsed.context.threshold_of(one.hit.kind)) for one in looked.found],
        "tier_label": looked.rehearsed.tier.label,
        "reply": reply.message if reply else "",
        "is_model": looked.rehearsed.tier == Tier.LLM and reply is None,
        "is_refused": looked.rehearsed.tier == Tier.HANDOFF,
        "understood_in": "Tiếng Việt" if looked.rehearsed.context.question.language == "vi" else "English",
        "intent": looked.rehearsed.context.intent_found,
    }


def _shown_hit(one: Found, document_of: dict[Any, Any], threshold: float) -> dict[str, Any]:
    hit = one.hit
    return {
        "rank": one.rank,
        "id": hit.id,
        "kind": hit.kind,
        "kind_label": RetrievalMark.Kind(hit.kind).label,
        "title": hit.title,
        "text": truncatechars(hit.body, EXCERPT),
        "link": _page_of(hit, document_of),
        "score": _percent(hit.score),
        "percent": round(hit.score * 100),
        "parts": [
            (PARTS[name], number_format(value, 2), value) for name, value in hit.parts.items() if value or name != "priority"
        ],
        "has_vector": hit.has_vector,
        "passes": one.passes,
        "needed": "" if hit.kind == "offering" else _percent(threshold),
        "is_used": one.is_used,
        "is_right": one.is_right,
    }


def _page_of(hit: Hit, document_of: dict[Any, Any]) -> str:
    if hit.kind == "document":
        return reverse("admin:bots_knowledgedocument_change", args=[document_of[hit.id]]) if hit.id in document_of else ""
    return reverse(PAGES[hit.kind], args=[hit.id])


def _percent(share: float) -> str:
    """Return a share as people read it, with a decimal where it has one."""
    number = round(share * 100, 1)
    return f"{number_format(number, 0 if number == int(number) else 1)} %"
