"""The OpenAPI description."""

from typing import Any

from drf_spectacular.views import SpectacularAPIView


class SchemaView(SpectacularAPIView):
    """The description as YAML, or with ``?format=json`` as JSON: elsewhere ``format`` is the export's own parameter."""

    def get_format_suffix(self, **kwargs: Any) -> str | None:
        """Return the format that the address asks for."""
        return self.request.GET.get("format")
