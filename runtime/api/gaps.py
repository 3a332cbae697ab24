"""The API of knowledge gaps."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from bots.models import Bot, Faq
from runtime.gaps import answer_gap, count_gap
from runtime.models import KnowledgeGap
from tenants.api import TenantViewSet
from tenants.auth import bound_bot, of_bound_bot
from tenants.filters import Filter
from tenants.models import Tenant
from tenants.schema import example
from tenants.serializers import ChoiceField, CodeRelatedField, StrictSerializer, TenantSerializer, TextField

CHANGEABLE = (KnowledgeGap.State.OPEN, KnowledgeGap.State.IGNORED)


@example("A question that a bot elsewhere could not answer", {"bot": "shop", "question": "Can I wash it at 60 degrees?"})
class KnowledgeGapSerializer(TenantSerializer):
    """A question without a good answer. ``answered`` it becomes by ``answer/`` only."""

    bot = CodeRelatedField(queryset=Bot.objects.all())
    question = TextField(max_length=4000)
    state = ChoiceField(choices=KnowledgeGap.State.choices, required=False)

    class Meta:
        model = KnowledgeGap
        fields = ("id", "bot", "question", "language", "reason", "times_asked", "last_asked_at", "turn", "state", "faq")
        read_only_fields = ("language", "reason", "times_asked", "last_asked_at", "turn", "faq")

    def validate_bot(self, bot: Bot) -> Bot:
        """Refuse another bot than the one the caller's key is bound to."""
        if bound_bot(self.context["request"].user) not in (None, bot.pk):
            raise PermissionDenied(_("This key is bound to another bot."), "wrong_principal")
        return bot

    def validate_state(self, state: str) -> str:
        """Refuse to call answered what has no answer."""
        if state not in CHANGEABLE:
            said = _("Choose one of: %(choices)s.") % {"choices": ", ".join(CHANGEABLE)}
            raise serializers.ValidationError(said, "invalid_choice")
        return state


class KnowledgeGapChangeSerializer(KnowledgeGapSerializer):
    """What can be changed of a gap."""

    bot = CodeRelatedField(read_only=True)
    question = TextField(read_only=True)


@example("The missing FAQ", {"answer": "Yes, at 30 degrees and inside out."})
class GapAnswerSerializer(StrictSerializer):
    """The FAQ to write; what is left out comes from the gap."""

    answer = TextField(max_length=10_000)
    question = TextField(max_length=1000, required=False)
    language = ChoiceField(choices=Tenant.Locale.choices, required=False)
    category = TextField(max_length=100, required=False, allow_blank=True)


class KnowledgeGapViewSet(TenantViewSet):
    """Questions that were not answered, or answered badly; the most frequent first."""

    queryset = KnowledgeGap.objects.all()
    serializer_class = KnowledgeGapSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "state": "state",
        "bot": "bot__code",
        "reason": "reason",
        "language": "language",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
    search_fields = ("question",)
    ordering: ClassVar[tuple[str, ...]] = ("-times_asked", "-id")
    ordering_fields = ("times_asked", "last_asked_at")

    def get_queryset(self) -> models.QuerySet:
        """Return those of the bots the caller may see."""
        return super().get_queryset().filter(of_bound_bot(self.request.user))

    def get_serializer_class(self) -> Any:
        """Return what may be written: of a gap that is there, only what became of it."""
        return KnowledgeGapChangeSerializer if self.action == "partial_update" else KnowledgeGapSerializer

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Count the question, as if a turn here had left it open."""
        values = serializer.validated_data
        serializer.instance = count_gap(
            bot=values["bot"], question=values["question"], reason=KnowledgeGap.Reason.UNANSWERED
        )

    @extend_schema(request=GapAnswerSerializer, responses={201: KnowledgeGapSerializer})
    @action(detail=True, methods=["post"], verb="change", url_path="answer")
    def write_faq(self, request: Request, pk: str) -> Response:
        """Write the missing FAQ and close the gap: whoever asks next gets its answer. 409 ``gap_answered``.

        Asks for the permission to add FAQs as well.
        """
        if not request.user.has_perm("bots.add_faq"):
            raise PermissionDenied
        gap = self.get_object()
        values = self.read_body(GapAnswerSerializer)
        answer_gap(gap=gap, faq=Faq(bot=gap.bot, **({"question": gap.question[:1000], "language": gap.language} | values)))
        return self.answer(self.get_queryset().get(pk=gap.pk), status=status.HTTP_201_CREATED)
