"""What a conversation is limited to."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bots.models import KnowledgeCollection, Tool
from runtime.models.sessions import Session
from tenants.fields import TenantForeignKey
from tenants.models import TenantModel, TenantQuerySet


class SessionScopeQuerySet(TenantQuerySet):
    """Reads of limits."""

    def tools(self, *, bot_id: UUID, session_id: UUID, is_limited: bool) -> QuerySet[Tool]:
        """Return the tools that may be called in a conversation: its bot's, and of those only what it is limited to."""
        usable: QuerySet[Tool] = Tool.objects.of_bot(bot_id).usable()
        if not is_limited:
            return usable
        return usable.filter(pk__in=self.filter(session=session_id, tool__isnull=False).values("tool"))


class SessionScope(TenantModel):
    """A collection or a tool that a conversation may use, where it is limited to some: the session says whether it is."""

    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="scopes", verbose_name=_("conversation"))
    collection = TenantForeignKey(
        KnowledgeCollection,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("collection"),
    )
    tool = TenantForeignKey(Tool, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("tool"))

    objects: ClassVar = SessionScopeQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        verbose_name = _("limit of a conversation")
        verbose_name_plural = _("limits of a conversation")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "session", "collection", "tool"],
                name="sessionscope_once",
                nulls_distinct=False,
                violation_error_message=_("The conversation may use this already."),
            ),
            models.CheckConstraint(
                condition=models.Q(collection__isnull=False) | models.Q(tool__isnull=False),
                name="sessionscope_something",
                violation_error_message=_("It is a collection or a tool."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.collection or self.tool)
