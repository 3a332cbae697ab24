"""The page to try guardrails: type a message and a reply, and see what every rule says of them, and why."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from bots.expressions import LONGEST, ExpressionError, read_and_try
from bots.guardrails import Action, Rule
from bots.models import Bot, Guardrail
from runtime.models import Tier
from runtime.trial import Situation, Trial, saved_rules, try_rules

SHOWN = 300
"""Characters of a value on the page."""

ANSWERING = (Tier.CACHE, Tier.FAQ, Tier.CATALOG, Tier.LLM, Tier.HANDOFF)


class TryGuardrailsForm(forms.Form):
    """What to try; with a condition, that one alone, saved or not."""

    message = forms.CharField(
        max_length=4000,
        required=False,
        label=_("The customer writes"),
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 2, "autofocus": True, "placeholder": _("Write as a customer would")}
        ),
    )
    reply = forms.CharField(
        max_length=10_000,
        required=False,
        label=_("The bot is about to answer"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    bot = forms.ModelChoiceField(
        Bot.objects.filter(status=Bot.Status.ACTIVE),
        required=False,
        label=_("Bot"),
        empty_label=_("Only the rules of every bot"),
        widget=UnfoldAdminSelectWidget,
    )
    tier = forms.ChoiceField(
        choices=[(one.value, one.label) for one in ANSWERING],
        initial=Tier.LLM,
        required=False,
        label=_("Answered from"),
        widget=UnfoldAdminSelectWidget,
    )
    intent = forms.CharField(
        max_length=63,
        required=False,
        label=_("Intent"),
        help_text=_("Empty: told from the message, as in a conversation."),
        widget=UnfoldAdminTextInputWidget,
    )
    slots = forms.CharField(
        max_length=2000,
        required=False,
        label=_("Slots"),
        help_text=_("One in each line: quantity=60"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    condition = forms.CharField(
        max_length=LONGEST,
        required=False,
        label=_("Only this condition"),
        help_text=_("Empty: all active guardrails."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false", "style": "font-family: monospace"}),
    )
    action = forms.ChoiceField(
        choices=Action.choices, required=False, label=_("What happens"), widget=UnfoldAdminSelectWidget
    )

    def clean_slots(self) -> dict[str, str]:
        """Read a slot from each line."""
        lines = [line.partition("=") for line in self.cleaned_data["slots"].splitlines() if line.strip()]
        return {name.strip(): value.strip() for name, _sign, value in lines}

    def clean_condition(self) -> str:
        """Tell where a condition is wrong."""
        source: str = self.cleaned_data["condition"]
        if source:
            try:
                read_and_try(source)
            except ExpressionError as error:
                raise forms.ValidationError(error.told, error.code) from error
        return source

    def trial(self) -> Trial:
        """Return what the rules say of the valid form."""
        said = self.cleaned_data
        situation = Situation(
            message=said["message"],
            reply=said["reply"],
            slots=said["slots"],
            intent=said["intent"],
            tier=Tier(said["tier"] or Tier.LLM),
            bot=said["bot"],
        )
        if not said["condition"]:
            return try_rules(saved_rules(said["bot"]), situation)
        typed = Rule("", str(_("This condition")), "", Action(said["action"] or Action.BLOCK), said["condition"])
        return try_rules([typed], situation)


def trial_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows: the form and, once something was typed, what every rule says of it."""
    is_sent = request.method == "POST"
    first = Bot.objects.filter(status=Bot.Status.ACTIVE).first()
    initial = {"bot": first.pk if first else None, **request.GET.dict()}
    form = TryGuardrailsForm(request.POST if is_sent else None, initial=initial)
    trial = form.trial() if is_sent and form.is_valid() else None
    rules = [_shown(number, one) for number, one in enumerate(trial.rules, start=1)] if trial else []
    title = _("Try the guardrails")
    return {"form": form, "trial": trial, "rules": rules, "title": title, "opts": Guardrail._meta}


def _shown(number: int, one: Any) -> dict[str, Any]:
    seen = [(name, Truncator(_as_written(value)).chars(SHOWN)) for name, value in one.seen.items()]
    return {
        "number": number,
        "id": one.rule.id,
        "label": one.rule.name or one.rule.code,
        "condition": one.rule.condition,
        "action": one.rule.action.value,
        "action_label": one.rule.action.label,
        "stage_label": one.stage.label,
        "fires": one.fires,
        "is_asked": one.is_asked,
        "error": one.error,
        "seen": seen,
    }


def _as_written(value: Any) -> str:
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items()) or "–"
    return ", ".join(value) or "–" if isinstance(value, list) else str(value)
