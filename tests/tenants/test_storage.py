"""Uploaded files keep their bytes, their measure and their tenant."""

import hashlib
from contextlib import suppress

import pytest

from tenants.errors import TooLarge
from tenants.models import StoredFile
from tenants.storage import atomic_files, delete_file, open_file, path_of, store_file
from tests.conftest import in_tenant


def stored(content=b"sku,price\n", name="prices.csv", limit=1000):
    return store_file([content[:3], content[3:]], name=name, media_type="text/csv", limit=limit)


def test_a_file_keeps_its_bytes_size_and_hash(saigon):
    with in_tenant(saigon.tenant):
        row = StoredFile.objects.get(pk=stored().pk)
        assert (row.size, row.sha256) == (10, hashlib.sha256(b"sku,price\n").hexdigest())
        with open_file(row) as file:
            assert file.read() == b"sku,price\n"
    assert path_of(row).parent.name == str(saigon.tenant.id)


def test_a_file_too_large_leaves_nothing(saigon):
    with in_tenant(saigon.tenant):
        folder = path_of(stored()).parent
        before = set(folder.iterdir())
        with pytest.raises(TooLarge):
            stored(b"x" * 1001)
        assert StoredFile.objects.count() == 1
    assert set(folder.iterdir()) == before


def test_the_bytes_of_a_file_go_when_its_row_does_not_stay(saigon):
    with in_tenant(saigon.tenant):
        kept = stored()
        folder = path_of(kept).parent
        before = set(folder.iterdir())
        with atomic_files():
            with suppress(TooLarge), atomic_files():  # one of two fails: only what was stored in it goes
                stored(b"first")
                stored(b"x" * 1001)
            with atomic_files():
                second = stored(b"second")
        assert set(folder.iterdir()) - before == {path_of(second)}
        with pytest.raises(KeyError), atomic_files():
            with atomic_files():
                stored(b"of one that ended well")
            raise KeyError
        assert set(folder.iterdir()) - before == {path_of(second)}
        assert set(StoredFile.objects.all()) == {kept, second}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\giá.csv", "giá.csv"),
        ("a\r\nb.csv", "ab.csv"),
        ("\u202efdp.exe", "fdp.exe"),
        ("..", ".."),
        ("", "file"),
    ],
)
def test_a_name_is_shown_and_never_a_path(saigon, sent, shown):
    with in_tenant(saigon.tenant):
        row = stored(name=sent)
        assert row.name == shown
        assert path_of(row).name == str(row.id)


def test_a_deleted_file_is_gone_after_commit(saigon, django_capture_on_commit_callbacks):
    with in_tenant(saigon.tenant):
        row = stored()
        path = path_of(row)
        with django_capture_on_commit_callbacks(execute=True):
            delete_file(row)
            assert path.exists()
        assert not StoredFile.objects.exists()
    assert not path.exists()
