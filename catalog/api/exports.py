"""The whole catalogue as one file: a spreadsheet for people, rows for programs."""

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from catalog.imports.exporting import FORMATS, export_catalogue
from tenants.api import TenantAPIView
from tenants.serializers import ChoiceField, StrictSerializer


class ExportQuery(StrictSerializer):
    """What kind of file."""

    format = ChoiceField(list(FORMATS), default="csv")


ROWS = {"type": "array", "items": {"type": "object", "additionalProperties": {}}}
"""An export as JSON: a row of our own format each."""


class ExportView(TenantAPIView):
    """Everything there is to sell, drafts and archived too, in our own format: imported again it changes nothing."""

    required_permission = "catalog.view_offering"

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=list(FORMATS), description="csv (default), xlsx or json")],
        responses={
            (200, media_type): ROWS if form == "json" else OpenApiTypes.BINARY for form, media_type in FORMATS.items()
        },
    )
    def get(self, request: Request) -> FileResponse:
        """Return the file, as the catalogue was at one instant."""
        form = self.read_query(ExportQuery)["format"]
        name = f"catalogue-{timezone.localdate()}.{form}"
        return FileResponse(export_catalogue(form), as_attachment=True, filename=name, content_type=FORMATS[form])
