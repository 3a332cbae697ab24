"""The peer of ``bench.mail``: django-post_office, set up by itself. For each number read it queues so many mails and drains them.

Arguments: the database's host, its name, the mail server's port. Prints the seconds of each draining.
"""

import gc
import sys
import time

import django
from django.conf import settings
from django.core.management import call_command

from bench.mail_texts import BODY


def main(host: str, database: str, port: str) -> None:
    """Answer one line with one line."""
    settings.configure(
        DATABASES={
            "default": {"ENGINE": "django.db.backends.postgresql", "HOST": host, "NAME": database, "USER": "backroom_owner"}
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(port),
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        SECRET_KEY="for a benchmark",
    )
    django.setup()
    call_command("migrate", verbosity=0)
    for line in sys.stdin:
        _queue(int(line))
        gc.collect()
        begun = time.perf_counter()
        _drain()
        print(time.perf_counter() - begun, flush=True)


def _queue(number: int) -> None:
    from post_office import mail

    mail.send_many(
        {
            "sender": "backroom@localhost",
            "recipients": [f"customer-{place}@example.com"],
            "subject": f"Order {place}",
            "message": BODY.format(number=place),
        }
        for place in range(number)
    )


def _drain() -> None:
    from post_office.mail import send_queued_mail_until_done
    from post_office.models import STATUS, Email

    send_queued_mail_until_done(processes=1, log_level=1)
    left = Email.objects.exclude(status=STATUS.sent).count()
    assert not left, left


if __name__ == "__main__":
    main(*sys.argv[1:])
