"""Searching: what is found, how fast it is allowed to be, and what nobody else may see."""

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from bots.models import Bot, Faq
from catalog.models import SearchText, SearchVector
from catalog.search import Only, search, statement
from catalog.search.embedding import embed_due_texts
from catalog.search.signs import signs_literal
from tenants.models import Tenant
from tenants.scope import NoScope, platform_scope
from tests.conftest import in_tenant
from tests.rows import an_offering
from vault.providers.offline import MODEL

pytestmark = pytest.mark.django_db


def a_faq(question, answer="Yes.", **fields):
    return Faq.objects.create(question=question, answer=answer, **{"language": "en", **fields})


def titles(query, kinds=("faq", "offering"), limit=10, **options):
    return [hit.title for hit in search(query, kinds=kinds, limit=limit, **options)]


@pytest.fixture
def shop(saigon):
    with in_tenant(saigon.tenant):
        a_faq("Can I return a product?", "Within 30 days.")
        a_faq("Bao lâu thì nhận được tiền hoàn?", "Từ 3 đến 5 ngày làm việc.", language="vi")
        a_faq("Where is your shop?", "In District 1.")
        an_offering("Linen summer shirt")
        an_offering("Leather hiking boots")
    return saigon


def test_words_are_found_at_commit_before_any_vector_is_there(shop):
    with in_tenant(shop.tenant):
        assert not SearchVector.objects.filter(embedding__isnull=False).exists()
        best = search("how do I return something", kinds=["faq"], limit=3)[0]
    assert (best.kind, best.title, best.body) == ("faq", "Can I return a product?", "Within 30 days.")
    assert best.parts["vector"] == 0
    assert best.parts["text"] > 0
    assert 0 < best.score <= 1


def test_meaning_is_found_without_a_common_word_once_the_vectors_are_there(shop):
    embed_due_texts()
    with in_tenant(shop.tenant):
        best = search("footwear for mountains", kinds=["offering"], limit=1)[0]
    assert best.title == "Leather hiking boots"
    assert best.parts["vector"] > 0.2


@pytest.mark.parametrize("query", ["tiền hoàn", "tien hoan", "TIEN HOÀN", "tie\u0302\u0300n hoa\u0300n", "hòan tìên"])
def test_diacritics_case_and_unicode_form_make_no_difference(shop, query):
    with in_tenant(shop.tenant):
        assert titles(query)[0] == "Bao lâu thì nhận được tiền hoàn?"


@pytest.mark.parametrize("query", ["", "   ", "?!…", "\0", "\ud800", "😀", "'", "\\", "&|!()", ":*"])
def test_a_query_without_words_finds_nothing_and_asks_nothing(shop, query, django_assert_num_queries):
    embed_due_texts()
    with in_tenant(shop.tenant), django_assert_num_queries(0):
        assert titles(query) == []


@pytest.mark.parametrize(
    "query", ["return' | 'x", "return \\ & !", "return " + "x" * 5000, " ".join(f"word{n}" for n in range(5000)) + " return"]
)
def test_strange_queries_are_only_words(shop, query):
    with in_tenant(shop.tenant):
        assert isinstance(titles(query), list)


def test_nothing_is_found_of_a_kind_that_was_not_asked_for(shop):
    with in_tenant(shop.tenant):
        assert {hit.kind for hit in search("shirt return", kinds=["offering"], limit=9)} == {"offering"}
        assert titles("shirt", kinds=[]) == []


def test_one_tenant_never_finds_what_another_has(shop, harbour):
    with in_tenant(harbour.tenant):
        an_offering("Harbour return shirt house")
    embed_due_texts()
    with in_tenant(harbour.tenant):
        assert titles("return shirt shop boots tien hoan") == ["Harbour return shirt house"]
    with in_tenant(shop.tenant):
        assert "Harbour return shirt house" not in titles("harbour return shirt house")


def test_a_bot_finds_its_own_and_everybodys_but_not_another_bots(shop):
    with in_tenant(shop.tenant):
        mine, other = (Bot.objects.create(code=code, name=code) for code in ("mine", "other"))
        a_faq("Return to mine?", bot=mine)
        a_faq("Return to other?", bot=other)
        embed_due_texts_in(shop)
        found = titles("return product", kinds=["faq"], bot_id=mine.pk)
        assert {"Return to mine?", "Can I return a product?"} <= set(found)
        assert "Return to other?" not in found
        assert "Return to other?" in titles("return product", kinds=["faq"])


def embed_due_texts_in(_business):
    """The tenant cannot change inside a transaction; the batch is embedded in the open scope."""
    from catalog.search.embedding import BATCH, embed_batch
    from tenants.queue import claim

    while rows := claim(SearchVector, limit=BATCH):
        embed_batch(rows)


def test_only_narrows_before_the_limit_and_under_row_security(shop, harbour):
    with in_tenant(harbour.tenant):
        foreign = an_offering("Shirt of another")
    with in_tenant(shop.tenant):
        for number in range(120):
            an_offering(f"Red shirt number {number}")
        plain = an_offering("Plain garment", category="shirt")
        embed_due_texts_in(shop)
        only = Only("SELECT id FROM catalog_offering WHERE tenant_id = %s AND category = %s", [shop.tenant.pk, "shirt"])
        assert titles("red shirt", only=only) == ["Plain garment"]
        everything = Only("SELECT id FROM catalog_offering WHERE id = ANY (%s)", [[plain.pk, foreign.pk]])
        assert titles("red shirt", only=everything) == ["Plain garment"]
        assert titles("red shirt", only=Only("SELECT id FROM catalog_offering WHERE false")) == []


def test_an_answer_in_the_language_asked_for_comes_first_of_two_that_fit_as_well(shop):
    with in_tenant(shop.tenant):
        a_faq("Is voucher ABC123 valid?", "Yes, it works.")
        a_faq("Mã voucher ABC123 dùng được không?", "Dạ được ạ.", language="vi")
        assert search("abc123", kinds=["faq"], limit=1, language="vi")[0].language == "vi"
        assert search("abc123", kinds=["faq"], limit=1, language="en")[0].language == "en"
        assert len(titles("abc123", kinds=["faq"], language="vi")) == 2


def test_search_is_one_round_trip_with_the_tenant_in_front(shop, django_assert_num_queries):
    with in_tenant(shop.tenant), django_assert_num_queries(1) as log:
        titles("return a shirt")
    assert len(log.captured_queries) == 1


def test_a_changed_text_is_found_by_its_new_words_and_its_old_vector_is_not_served(shop):
    embed_due_texts()
    with in_tenant(shop.tenant):
        Faq.objects.filter(question="Where is your shop?").update(question="Do you repair watches?")
        hits = {hit.title: hit for hit in search("where is your shop repair", kinds=["faq"], limit=9)}
        assert "Where is your shop?" not in hits
        assert hits["Do you repair watches?"].parts["vector"] == 0


def test_vectors_of_another_model_are_not_compared(shop):
    embed_due_texts()
    with in_tenant(shop.tenant):
        SearchVector.objects.update(model="other-model")
        assert all(hit.parts["vector"] == 0 for hit in search("return shirt", kinds=["faq", "offering"], limit=9))


def test_a_deleted_or_archived_offering_is_not_found(shop):
    embed_due_texts()
    with in_tenant(shop.tenant):
        Faq.objects.filter(question="Where is your shop?").delete()
        assert "Where is your shop?" not in titles("where is your shop")


# The boundary, as the application's role.


ONES = "{" + ",".join(["1"] * 256) + "}"


def candidates(*, words="'return'", numbers=None, kinds=("faq", "offering"), only=None):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT title FROM search_candidates(%s, %s, %s, %s, NULL, %s, 50)", [words, numbers, MODEL, list(kinds), only]
        )
        return [row[0] for row in cursor.fetchall()]


def test_without_a_scope_the_function_returns_nothing_and_python_refuses(shop):
    embed_due_texts()
    assert candidates(numbers=ONES) == []
    with pytest.raises(NoScope):
        titles("return")


def test_in_a_platform_scope_search_is_refused(shop):
    with platform_scope(reason="test"), pytest.raises(NoScope):
        titles("return")


def test_naming_another_tenants_lexeme_or_ids_finds_nothing(shop, harbour):
    embed_due_texts()
    with in_tenant(shop.tenant):
        ids = list(SearchText.objects.values_list("owner_id", flat=True))
    with in_tenant(harbour.tenant):
        assert candidates(words=f"'tn{shop.tenant.pk.hex}'", numbers=ONES) == []
        assert candidates(words="'return'", numbers=ONES, only=ids) == []


def test_a_temporary_table_of_the_same_name_does_not_shadow_the_index(shop):
    with in_tenant(shop.tenant), transaction.atomic(), connection.cursor() as cursor:
        before = candidates()
        cursor.execute("CREATE TEMP TABLE catalog_searchtext (LIKE public.catalog_searchtext)")
        cursor.execute("CREATE TEMP TABLE catalog_searchvector (LIKE public.catalog_searchvector)")
        cursor.execute("CREATE FUNCTION pg_temp.ts_rank(tsvector, tsquery, integer) RETURNS real LANGUAGE sql RETURN 1")
        assert candidates() == before == ["Can I return a product?"]


def test_the_function_is_owned_pinned_and_granted_as_the_recipe_says():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_userbyid(proowner), prosecdef, proconfig, "
            "has_function_privilege('backroom_app', oid, 'EXECUTE'), has_function_privilege('public', oid, 'EXECUTE') "
            "FROM pg_proc WHERE proname = 'search_candidates'"
        )
        owner, definer, config, app, public = cursor.fetchone()
        assert (owner, definer, app, public) == ("backroom_search", True, True, False)
        assert config[:2] == ["search_path=pg_catalog, public, pg_temp", "plan_cache_mode=force_generic_plan"]
        cursor.execute(
            "SELECT relname, bool_or(has_table_privilege('backroom_search', oid, 'SELECT')), "
            "bool_or(has_table_privilege('backroom_search', oid, 'INSERT, UPDATE, DELETE')) "
            "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' GROUP BY relname"
        )
        rights = cursor.fetchall()
        searched = {"catalog_searchsynonym", "catalog_searchtext", "catalog_searchvector"}
        assert {name for name, reads, _ in rights if reads} == searched
        assert not any(writes for _, _, writes in rights)
        cursor.execute("SELECT has_schema_privilege('backroom_search', 'public', 'CREATE')")
        assert cursor.fetchone() == (False,)


def test_the_application_may_not_replace_or_own_the_function():
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="must be owner"), transaction.atomic():
        cursor.execute("ALTER FUNCTION search_candidates RESET ALL")
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        cursor.execute("SET ROLE backroom_search")


# Many tenants: never short, and as good as looking at every vector.


@pytest.fixture
def fifty_tenants():
    """Fifty tenants that share all topics; the first has more rows than the exact path takes."""
    with platform_scope(reason="test"):
        return [Tenant.objects.create(name=f"T{n}", slug=f"t{n}") for n in range(50)]


def fill(tenant, vectors):
    """Write vectors as the worker leaves them."""
    literals = ["{" + ",".join(f"{number:.6g}" for number in vector) + "}" for vector in vectors]
    with in_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(
            "WITH texts AS (INSERT INTO catalog_searchtext "
            "  (tenant_id, kind, owner_id, language, title, body, content_hash, tsv) "
            "  SELECT %s, 'faq', gen_random_uuid(), '', n::text, '', sha256(n::text::bytea), '' "
            "  FROM generate_series(0, %s) AS n RETURNING id, owner_id, content_hash, title) "
            "INSERT INTO catalog_searchvector "
            "  (tenant_id, text_id, kind, owner_id, content_hash, model, state, embedding, bits) "
            "SELECT %s, id, 'faq', owner_id, content_hash, %s, 'done', "
            "  search_vector((%s::text[])[title::integer + 1]::real[]), (%s::text[])[title::integer + 1]::bit(1536) FROM texts",
            [tenant.pk, len(vectors) - 1, tenant.pk, MODEL, literals, [signs_literal(vector) for vector in vectors]],
        )


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest(tenant, vector, how_many):
    literal = "{" + ",".join(f"{number:.6g}" for number in vector) + "}"
    with in_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT title FROM search_candidates(NULL, %s::real[], %s, '{faq}', NULL, NULL, %s, signs => %s::bit varying)",
            [literal, MODEL, how_many, signs_literal(vector)],
        )
        return {int(row[0]) for row in cursor.fetchall()}


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [256, 300], ids=["by compact copies", "by signs"])
def test_recall_is_99_percent_among_fifty_tenants_and_no_answer_is_short(fifty_tenants, numbers):
    generator = np.random.default_rng(7)
    topics = generator.normal(size=(40, numbers))
    right = asked = 0
    for number, tenant in enumerate(fifty_tenants):
        rows = 3300 if number == 0 else 12 + number
        vectors = unit(topics[generator.integers(len(topics), size=rows)] + generator.normal(size=(rows, numbers)) * 0.8)
        fill(tenant, vectors)
        for query in unit(topics[generator.integers(len(topics), size=3)] + generator.normal(size=(3, numbers)) * 0.8):
            best = set(np.argsort(-(vectors @ query))[:10].tolist())
            found = nearest(tenant, query, 10)
            assert len(found) == 10
            right += len(found & best)
            asked += 10
    assert right / asked >= 0.99


# The plans, told by which indexes the function's own statements read.


PLANS = {
    "words": (
        "SELECT id FROM catalog_searchtext WHERE tsv @@ %s::tsquery AND tenant_id = %s AND kind = 'faq'",
        "Bitmap Index Scan on searchtext_tsv",
    ),
    "bits": (
        "SELECT id FROM catalog_searchvector WHERE tenant_id = %s AND kind = 'faq' AND model = %s "
        "AND embedding IS NOT NULL AND compact IS NULL ORDER BY bits <~> repeat('1', 1536)::bit(1536) LIMIT 500",
        "Index Only Scan using searchvector_signs",
    ),
    "compact": (
        "SELECT text_id FROM catalog_searchvector WHERE tenant_id = %s AND kind = 'faq' AND model = %s "
        "AND compact IS NOT NULL ORDER BY compact <#> (SELECT %s::real[]::halfvec(256)) LIMIT 50",
        "Index Only Scan using searchvector_near",
    ),
}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_each_part_reads_its_index_as_the_functions_owner_sees_the_tables(saigon, harbour):
    generator = np.random.default_rng(3)
    for business, rows, numbers in ((saigon, 4000, 300), (harbour, 4000, 256)):
        fill(business.tenant, unit(generator.normal(size=(rows, numbers))))
        with in_tenant(business.tenant):
            Faq.objects.bulk_create(
                Faq(question=f"Question number{n} of topic{n % 97}?", answer="Yes", language="en") for n in range(rows)
            )
    words = f"'tn{saigon.tenant.pk.hex}' & 'topic5'"
    asked = {
        "words": [words, saigon.tenant.pk],
        "bits": [saigon.tenant.pk, MODEL],
        "compact": [harbour.tenant.pk, MODEL, [1.0] * 256],
    }
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE catalog_searchtext")
        cursor.execute("VACUUM ANALYZE catalog_searchvector")
        with transaction.atomic():
            cursor.execute("SET LOCAL ROLE backroom_search")
            for part, (sql, expected) in PLANS.items():
                cursor.execute("EXPLAIN " + sql, asked[part])
                plan = "\n".join(row[0] for row in cursor.fetchall())
                assert expected in plan, plan


# What is sent.


def test_the_statement_carries_the_question_and_never_the_padding(shop):
    with in_tenant(shop.tenant):
        asked = statement("return a shirt", kinds=["faq"])
    assert asked.params[1].count(",") == 255
    assert asked.params[0] == "'return' | 'shirt'"


def test_a_sku_or_code_typed_alone_finds_what_it_names_first(shop, api):
    with in_tenant(shop.tenant):
        for number in range(60):
            lamp = an_offering(f"Mai lamp {number} 003 0")
            type(lamp).objects.filter(pk=lamp.pk).update(code=f"mai-{number:03d}")
            for sku in (f"MAI-{number:03d}-0", f"MAI-{number:03d}-1", f"Mix-{number}b"):
                lamp.variants.create(sku=sku)
    for typed in ("MAI-003-0", "mai-003-0", " Mai-003-0 ", "MAI-003", "mai-003", "Mix-3b", "mix-3B"):
        first, second = api(shop).get("offerings/search/", {"q": typed, "limit": 2}).json()["results"]
        assert (typed, first["code"], first["parts"]["text"]) == (typed, "mai-003", 1.0)
        assert first["score"] > 0.94 > second["score"]
    assert api(shop).get("offerings/search/", {"q": "MAI-003-0", "tag": "nobody"}).json()["results"] == []


def test_a_sku_is_found_in_the_same_statement_and_only_by_those_who_may(shop, harbour, django_assert_num_queries):
    with in_tenant(harbour.tenant):
        theirs = an_offering("Secret boots")
        sku = theirs.variants.create(sku="SECRET-1").sku
    with in_tenant(harbour.tenant), django_assert_num_queries(1):
        assert titles(sku, kinds=["faq", "offering"]) == ["Secret boots"]
    with in_tenant(shop.tenant), django_assert_num_queries(1):
        assert "Secret boots" not in titles(sku)
