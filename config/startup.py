"""What every process that touches data asks before it does: are these the keys its data were encrypted with?"""

import sys

from django.db import DatabaseError, connection

from vault.startup import WrongMasterKey, check_master_keys


def stop_on_wrong_key() -> None:
    """End the process with one line when ``VAULT_KEYS`` is not right, or nobody can tell.

    Leaves no connection behind: gunicorn and Celery fork afterwards.
    """
    try:
        check_master_keys()
    except WrongMasterKey as error:
        sys.exit(f"backroom: {error}")
    except DatabaseError as error:
        sys.exit(f"backroom: VAULT_KEYS cannot be checked, the database does not answer: {str(error).splitlines()[0]}")
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined] # not in the stubs
