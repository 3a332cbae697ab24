"""Uploaded files keep their bytes, their measure and their tenant."""

import hashlib

import pytest

from tenants.errors import TooLarge
from tenants.models import StoredFile
from tenants.storage import delete_file, open_file, path_of, store_file
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
