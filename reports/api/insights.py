"""The API of insights."""

from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports.models import Insight
from reports.rephrasing import rephrased_of
from reports.wording import LANGUAGES, content_of, reasons_of
from tenants.api import TenantReadViewSet
from tenants.filters import Filter
from tenants.serializers import TenantSerializer


class InsightSerializer(TenantSerializer):
    """A finding. Every number of ``content`` names the rows it was taken from, how, and the address that answers them."""

    content = serializers.SerializerMethodField()
    reasons = serializers.SerializerMethodField(help_text="What the score is made of.")

    rephrased = serializers.SerializerMethodField(
        help_text="By language: the same in a language model's words, if it has any."
    )

    class Meta:
        model = Insight
        fields = (
            "id",
            "report",
            "metric",
            "insight_type",
            "score",
            "reasons",
            "content",
            "rephrased",
            "metadata",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_content(self, insight: Insight) -> dict[str, Any]:
        """Return text (the reader's language, and both), sheet, series, period and numbers."""
        return content_of(insight)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_rephrased(self, insight: Insight) -> dict[str, str]:
        """Return what a language model says instead of ``content.text``, which it never replaces."""
        said = {language: rephrased_of(insight, language) for language in LANGUAGES}
        return {language: text for language, text in said.items() if text}

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
    def get_reasons(self, insight: Insight) -> list[dict[str, Any]]:
        """Return what the score is made of, each with its points."""
        return reasons_of(insight)


class InsightViewSet(TenantReadViewSet):
    """Insights of reports and of the daily figures, the highest score first. ``?report=``; ``?metric=cost``; ``?insight_type=``.

    What several files of a vendor and type tell is listed once, of the newest of them, unless ``report`` names one.
    """

    http_method_names = ["get", "head"]
    queryset = Insight.objects.all()
    serializer_class = InsightSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "report": "report",
        "metric": "metric",
        "insight_type": "insight_type",
        "min_score": "score__gte",
        "report_type": "report__report_type",
        "vendor": "report__vendor",
    }
    ordering_fields = ("score", "created_at")
    ordering = ("-score",)

    def get_queryset(self) -> models.QuerySet:
        """Return the insights; in the list of all, those of the newest file that tells them."""
        insights: Any = super().get_queryset()
        return insights.newest() if self.action == "list" and "report" not in self.request.query_params else insights
