"""The page of a tenant's exports: ordered and fetched by platform staff who have just proved who they are."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from tenants.admin.base import is_platform_staff
from tenants.export_orders import KEPT, order_export
from tenants.models import PLATFORM_ID, Tenant, TenantExport
from tenants.storage import open_file
from tenants.views.proof import LASTS, is_proved, proof_form

SHOWN = 20


class ExportsMixin:
    """Gives the page of a tenant its exports."""

    def has_exports_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Platform staff, of any tenant but the platform's own."""
        return is_platform_staff(request) and object_id != str(PLATFORM_ID)

    @action(description=_("Export everything"), icon="archive", permissions=["exports"])
    def exports(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the exports there are; the button orders one, or fetches the file of one."""
        page: Any = self
        tenant = page.get_object(request, object_id)
        if tenant is None:
            return page._get_obj_does_not_exist_redirect(request, page.opts, object_id)
        form = proof_form(request)
        if request.method == "POST" and (form is None or is_proved(request, form)):
            return self._do(request, tenant)
        rows = TenantExport.objects.filter(exported_id=tenant.pk).select_related("file", "created_by").order_by("-id")
        context = {"title": _("Export everything"), "opts": page.opts, "original": tenant, "form": form}
        more = {"exports": rows[:SHOWN], "days": KEPT.days, "minutes": LASTS // 60}
        return TemplateResponse(
            request, "tenants/admin/exports.html", {**page.admin_site.each_context(request), **context, **more}
        )

    def _do(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        if wanted := request.POST.get("download"):
            return _download(tenant, wanted)
        order_export(tenant=tenant, by=request.user)  # type: ignore[arg-type]
        messages.success(request, gettext("It is being written: its file will stand here."))
        return redirect("admin:tenants_tenant_exports", tenant.pk)


def _download(tenant: Tenant, wanted: str) -> HttpResponse:
    try:
        row = TenantExport.objects.select_related("file").filter(pk=UUID(wanted), exported_id=tenant.pk).first()
        if row is None or row.file is None:
            raise Http404
        content = open_file(row.file)
    except (ValueError, FileNotFoundError):
        raise Http404 from None
    return FileResponse(content, as_attachment=True, filename=row.file.name, content_type="application/zip")  # type: ignore[return-value]
