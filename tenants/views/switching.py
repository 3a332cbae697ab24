"""Changing the tenant or the language, opening a page of another tenant, fetching a file."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import check_for_language
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from tenants.middleware import choose_tenant, may_enter
from tenants.models import StoredFile, User
from tenants.storage import open_file


@require_POST
@login_required
def switch_tenant(request: HttpRequest) -> HttpResponse:
    """Work in another of one's own tenants; platform staff may also leave all. Any other id: 403, nothing changes."""
    if not choose_tenant(request, _wanted(request)):
        raise PermissionDenied
    return redirect("admin:index")


def _wanted(request: HttpRequest) -> UUID | None:
    value = request.POST.get("tenant", "")
    if not value and request.user.is_superuser:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise PermissionDenied from None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_in_tenant(request: HttpRequest, tenant_id: UUID, path: str) -> HttpResponse:
    """Open a page of the admin in the tenant that a link of a mail names; in another than the present one after a question.

    404 for a tenant the person may not enter, as for one there is not: nobody learns its name.
    """
    wanted = may_enter(request, tenant_id)
    if wanted is None:
        raise Http404
    if request.method == "POST":
        choose_tenant(request, tenant_id)
    elif request.tenant != wanted:  # type: ignore[attr-defined]
        return render(request, "tenants/open_in_tenant.html", {"wanted": wanted, "tenant": request.tenant})  # type: ignore[attr-defined]
    query = request.META.get("QUERY_STRING", "")
    return redirect(f"{reverse('admin:index')}{path}{'?' if query else ''}{query}")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Show the interface in another language from now on, for a person on every device."""
    language = request.POST.get("language", "")
    if isinstance(request.user, User) and check_for_language(language):
        request.user.locale = language
        request.user.save(update_fields=["locale"])
    return set_language(request)


@require_GET
@login_required
def download_file(request: HttpRequest, file_id: UUID) -> HttpResponse | FileResponse:
    """Send the bytes of an own file, always as a download: what people upload is never shown by this site."""
    if request.tenant is None:  # type: ignore[attr-defined]
        raise Http404
    if not request.user.has_perm("tenants.view_storedfile"):
        raise PermissionDenied
    file = get_object_or_404(StoredFile, pk=file_id)
    try:
        content = open_file(file)
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(content, as_attachment=True, filename=file.name, content_type="application/octet-stream")
