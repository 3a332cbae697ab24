"""Long lists: a count that stops early, and pages that cost the same at any depth."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import Page, PageNotAnInteger, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.views import ChangeList

from tenants.roles import Role, role_allows

COUNT_LIMIT = 10_000
"""Beyond this many rows a list says "10,000+": counting a large tenant costs more than showing its page."""


class CappedPaginator(Paginator):
    """Counts at most ``COUNT_LIMIT`` + 1 rows, and finds the ids of a page in the index before it reads the rows."""

    template_name = "tenants/admin/pagination.html"
    object_list: QuerySet

    @cached_property
    def count(self) -> int:
        """Number of rows; ``COUNT_LIMIT`` + 1 stands for "more"."""
        return self.object_list.order_by().values("pk")[: COUNT_LIMIT + 1].count()

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.count > COUNT_LIMIT

    def validate_number(self, number: Any) -> int:
        """Return the page number; beyond a capped count every page may exist."""
        try:
            number = int(number)
        except (TypeError, ValueError) as error:
            raise PageNotAnInteger(_("That page number is not an integer")) from error
        return number if self.is_capped and number > self.num_pages else super().validate_number(number)

    def page(self, number: Any) -> Page:
        """Return one page. The rows skipped are read from the index only."""
        number = self.validate_number(number)
        skipped = (number - 1) * self.per_page
        rows = self.object_list
        if not skipped or rows.query.distinct:
            return Page(rows[skipped : skipped + self.per_page], number, self)
        return Page(rows.filter(pk__in=rows.values("pk")[skipped : skipped + self.per_page]), number, self)


class TenantChangeList(ChangeList):
    """Pages by number; where rows are in the order of their ids, by the id at the page's edge instead.

    ``?p=after.<id>``, ``?p=before.<id>`` and ``?p=last`` cost the same at any depth, and rows that come in meanwhile
    do not shift them. ``?p=<number>`` still works.
    """

    result_list: Any
    newest_url = previous_url = next_url = oldest_url = ""
    empty_links: list[tuple[Any, str]]
    """Of the page's own those that the person may follow."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page asked for."""
        super().get_results(request)
        self.empty_links = [link for link in self.model_admin.empty_links if _may_follow(request, link[1])]
        self.full_result_count = self.result_count  # else the header of every list would say "show all"
        self.by_id = {*self.queryset.query.order_by} in ({"-id"}, {"id"}, {"-pk"}, {"pk"})
        if self.by_id and self.multi_page and not self.show_all:
            self._read_page(request.GET.get(PAGE_VAR, "1"))

    def _read_page(self, token: str) -> None:
        kind, _dot, edge = token.partition(".")
        if kind in ("after", "before", "last"):
            self.result_list, more = self._beside(kind, edge)
            starts, ends = kind == "before" and not more, kind == "last" or (kind == "after" and not more)
        else:
            self.result_list = list(self.result_list)
            shown = self.page_num * self.list_per_page
            starts, ends = self.page_num == 1, not self.paginator.is_capped and shown >= self.result_count
        if self.result_list:
            self._link(starts=starts, ends=ends)

    def _beside(self, kind: str, edge: str) -> tuple[list[Any], bool]:
        """Return the rows next to the row ``edge``, in the order of the list, and whether more follow on that side."""
        forward = kind == "after"
        falling = self.queryset.query.order_by[0].startswith("-")
        rows = self.queryset if forward else self.queryset.reverse()
        if kind != "last":
            try:
                edge = self.lookup_opts.pk.to_python(edge)
            except ValidationError as error:
                raise IncorrectLookupParameters(error) from error
            rows = rows.filter(**{"pk__lt" if forward == falling else "pk__gt": edge})
        found = list(rows[: self.list_per_page + 1])
        page = found[: self.list_per_page]
        return page if forward else page[::-1], len(found) > self.list_per_page

    def _link(self, *, starts: bool, ends: bool) -> None:
        if not starts:
            self.newest_url = self.get_query_string(remove=[PAGE_VAR])
            self.previous_url = self.get_query_string({PAGE_VAR: f"before.{self.result_list[0].pk}"})
        if not ends:
            self.next_url = self.get_query_string({PAGE_VAR: f"after.{self.result_list[-1].pk}"})
            self.oldest_url = self.get_query_string({PAGE_VAR: "last"})


def _may_follow(request: HttpRequest, address: str) -> bool:
    """Whether the person may open a page, by its name: lists need to be seen, others added to where anybody may."""
    app_label, model_name, page = address.removeprefix("admin:").split("_", 2)
    is_added_to = page != "changelist" and role_allows(Role.OWNER, app_label, "add", model_name)
    return bool(request.user.has_perm(f"{app_label}.{'add' if is_added_to else 'view'}_{model_name}"))
