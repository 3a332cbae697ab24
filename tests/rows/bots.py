"""Rows of ``bots``: how a bot speaks, and what it knows."""

import uuid

from bots.models import (
    Bot,
    BotVersion,
    Intent,
    KnowledgeChunk,
    KnowledgeCollection,
    KnowledgeDocument,
    RetrievalMark,
    Tool,
)
from tenants.models import StoredFile
from tests.rows.names import code


def a_bot_version() -> BotVersion:
    bot = Bot.objects.create(code=code("bot"), name="Secret bot")
    return BotVersion.objects.create(bot=bot, version=1, is_active=True)


def a_collection() -> KnowledgeCollection:
    return KnowledgeCollection.objects.create(code=code("collection"), name="Secret collection")


def a_document() -> KnowledgeDocument:
    stored = StoredFile.objects.create(name="secret.md", media_type="text/markdown", size=1, sha256="0" * 64)
    return KnowledgeDocument.objects.create(
        collection=a_collection(), name="Secret document", source="file", file=stored, state="done", status="indexed"
    )


def a_chunk() -> KnowledgeChunk:
    return KnowledgeChunk.objects.create(document=a_document(), position=0, text="Secret words.", content_hash=b"0" * 32)


def a_tool() -> Tool:
    return Tool.objects.create(
        code=code("secret").replace("-", "_"), name="Secret tool", bot=a_bot_version().bot, url="https://tools.invalid/"
    )


def a_mark() -> RetrievalMark:
    question = code("secret question")
    return RetrievalMark.objects.create(
        bot=a_bot_version().bot, question=question, question_key=question, kind="faq", source_id=uuid.uuid4(), is_right=True
    )


def an_intent() -> Intent:
    return Intent.objects.create(code=code("intent"), name="Secret wish")
