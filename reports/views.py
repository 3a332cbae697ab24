"""The one page that recipients of mails see who have no account here: unsubscribing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.unsubscribing import unsubscribe


@csrf_exempt  # mail programs send the form by themselves (RFC 8058, 3.1); what it may do is in the signed link
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether they are sure, for programs follow links by themselves; the button, or a mail program, unsubscribes."""
    is_sure = request.method == "POST"
    found = unsubscribe(token, is_sure=is_sure)
    address, tenant = found or ("", "")
    context = {"is_known": found is not None, "is_done": is_sure, "address": address, "tenant": tenant}
    return render(request, "reports/unsubscribe.html", context, status=200 if found else 404)
