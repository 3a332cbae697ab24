"""A phone number has digits, whoever writes it. Customers from before are not judged: their words may be a person's note."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0030_price_event_names")]

    operations = [
        AddConstraintNotValid(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(phone="") | models.Q(phone__regex="[0-9]"),
                name="customer_phone_digits",
                violation_error_message="A phone number has digits.",
            ),
        ),
    ]
