"""The flow of a version as a form: greeting, quick replies, times and steps in fields of their own, the rest as JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from bots.admin.json_fields import indent_json
from bots.flow import ENDED, InvalidFlow, check_flow

BLANK_ROWS = 3
"""Rows for further steps."""
MOST_ROWS = 60
STEP_FIELDS = ("name", "next", "on", "timeout_minutes", "on_timeout")
TIMES = ("idle_minutes", "claim_minutes")
LANGUAGES = dict(settings.LANGUAGES)


class StepsWidget(forms.Widget):
    """A table with a step in each row; its value is a list of rows of texts."""

    template_name = "bots/admin/steps.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return the rows, with some to fill in."""
        rows = [*(value or []), *([{}] * BLANK_ROWS)]
        context: dict[str, Any] = super().get_context(name, None, attrs)
        return {**context, "name": name, "rows": rows, "count": len(rows)}

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        """Return the rows that say something."""
        count = str(data.get(f"{name}-count", ""))
        numbers = range(min(int(count), MOST_ROWS) if count.isdecimal() and len(count) < 4 else 0)
        rows = [{field: str(data.get(f"{name}-{row}-{field}", "")).strip() for field in STEP_FIELDS} for row in numbers]
        return [row for row in rows if any(row.values())]


class StepsField(forms.Field):
    """The steps of a flow: rows of texts in the form, ``steps`` of the flow when they are clean."""

    widget = StepsWidget

    def clean(self, value: Any) -> dict[str, Any]:
        """Return the steps by name."""
        steps: dict[str, Any] = {}
        for row in value or []:
            if not row["name"] or row["name"] in steps:
                raise ValidationError(_("Give each step a name of its own."))
            steps[row["name"]] = _step(row)
        return steps


def _step(row: Mapping[str, str]) -> dict[str, Any]:
    minutes = row["timeout_minutes"]
    if minutes and not minutes.isdecimal():
        raise ValidationError(_("Write the minutes of “%(step)s” as a whole number."), params={"step": row["name"]})
    said = {
        "next": _listed(row["next"]),
        "on": _listed(row["on"]),
        "timeout_minutes": int(minutes[:9]) if minutes else None,
        "on_timeout": row["on_timeout"],
    }
    return {name: value for name, value in said.items() if value}


def _listed(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _rows(steps: Any) -> list[dict[str, str]]:
    """Return the rows of a flow's steps; a step that nothing may follow but the end says so."""
    return [
        {
            "name": name,
            "next": ", ".join(step["next"] or [ENDED]) if "next" in step else "",
            "on": ", ".join(step.get("on", ())),
            "timeout_minutes": str(step.get("timeout_minutes", "")),
            "on_timeout": step.get("on_timeout", ""),
        }
        for name, step in (steps or {}).items()
    ]


class FlowForm(forms.ModelForm):
    """Base of a form with the field ``flow_config``: what it holds is taken apart for the form and put together again."""

    greeting_vi = forms.CharField(
        label=_("Greeting in Vietnamese"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    greeting_en = forms.CharField(
        label=_("Greeting in English"), required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    quick_replies_vi = forms.CharField(
        label=_("Quick replies in Vietnamese"),
        required=False,
        help_text=_("One in each line: offered to tap under the greeting, and sent as a message."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    quick_replies_en = forms.CharField(
        label=_("Quick replies in English"),
        required=False,
        help_text=_("Left empty, those in the other language are offered."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    idle_minutes = forms.IntegerField(
        label=_("End after silence"),
        required=False,
        help_text=_("Minutes; empty: as the business has set it."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    claim_minutes = forms.IntegerField(
        label=_("Give a forgotten claim back"),
        required=False,
        help_text=_("Minutes; empty: as the business has set it."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    default_state = forms.CharField(
        label=_("First step"), required=False, help_text=_("Empty: “open”."), widget=UnfoldAdminTextInputWidget
    )
    steps = StepsField(
        label=_("Steps"),
        required=False,
        help_text=_(
            "Where a conversation may stand. “Followed by”: steps that may follow, empty for any. “Entered by”: what in a turn "
            "leads there, such as intent:goodbye, tier:catalog, order_proposed, order_placed, person_asked."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flow = self.initial.get("flow_config")
        if isinstance(flow, dict):
            self._take_apart(dict(flow))
        if "flow_config" in self.fields:
            self.fields["flow_config"].label = _("More of the flow, as JSON")
            self.fields["flow_config"].help_text = _(
                "“tools” (codes of those it may call), and what your own front ends read."
            )
        indent_json(self)

    def _take_apart(self, flow: dict[str, Any]) -> None:
        greeting = flow.pop("greeting", {})
        greeting = dict.fromkeys(LANGUAGES, greeting) if isinstance(greeting, str) else dict(greeting)
        said = {f"greeting_{language}": greeting.pop(language, "") for language in LANGUAGES}
        offered = flow.pop("quick_replies", [])
        offered = dict(offered) if isinstance(offered, dict) else dict.fromkeys(LANGUAGES, offered)
        said |= {f"quick_replies_{language}": "\n".join(offered.pop(language, ())) for language in LANGUAGES}
        said["steps"] = _rows(flow.pop("steps", {}))
        said |= {name: flow.pop(name, None) for name in (*TIMES, "default_state")}
        self.initial = {
            **said,
            **self.initial,
            "flow_config": {
                **flow,
                **({"greeting": greeting} if greeting else {}),
                **({"quick_replies": offered} if offered else {}),
            },
        }

    def clean(self) -> dict[str, Any]:
        """Put the flow together; refuse one that nobody could follow, beside the field that is wrong."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "flow_config" not in cleaned or self.errors:
            return cleaned
        flow = cleaned["flow_config"] or {}
        flow = {**flow, **self._said(cleaned, flow)} if isinstance(flow, dict) else flow
        try:
            check_flow(flow)
        except InvalidFlow as error:
            for problem in error.problems:
                self.add_error(self._field_of(problem.field or ""), problem.message)
        return {**cleaned, "flow_config": flow}

    def _said(self, cleaned: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
        """Return what the fields say; an empty one says nothing. ``others``: the flow in further languages."""
        texts = {language: cleaned.get(f"greeting_{language}") for language in LANGUAGES}
        texts = {language: text for language, text in texts.items() if text}
        replies = {language: _lines(cleaned.get(f"quick_replies_{language}")) for language in LANGUAGES}
        replies = {language: lines for language, lines in replies.items() if lines}
        said = {
            "greeting": _with_others(texts, others.get("greeting")) if texts else None,
            "quick_replies": _as_written(_with_others(replies, others.get("quick_replies"))),
            "steps": cleaned["steps"],
            **{name: cleaned[name] for name in (*TIMES, "default_state")},
        }
        return {name: value for name, value in said.items() if value not in (None, "", [], {})}

    def _field_of(self, path: str) -> str:
        """Return the field that a part of the flow (``flow_config.greeting.vi``) is written in."""
        _flow, _dot, rest = path.partition(".")
        name, _dot, language = rest.partition(".")
        found = f"{name}_{language.partition('.')[0]}" if name in ("greeting", "quick_replies") else name
        if name == "quick_replies" and found not in self.fields:
            found = next((one for one in ("quick_replies_vi", "quick_replies_en") if self.data.get(one)), found)
        return found if found in self.fields and self.data.get(found, self.data.get(f"{found}-count")) else "flow_config"


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _with_others(said: dict[str, Any], others: Any) -> dict[str, Any]:
    return {**(others if isinstance(others, dict) else {}), **said}


def _as_written(replies: dict[str, list[str]]) -> dict[str, list[str]] | list[str]:
    """Return what is offered in one language, or the same in all, as one list for everybody."""
    lists = list(replies.values())
    return replies if any(one != lists[0] for one in lists) else (lists or [[]])[0]
