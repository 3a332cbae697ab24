"""A price is in a currency that exists, and without decimals where the currency has none, whoever writes it.

Rows written before are not judged: nobody but their owner can say what they should have been.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models.functions import Round

KNOWN = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP "
    "CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV "
    "WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
)
WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0020_import_source")]

    operations = [
        migrations.RemoveConstraint(model_name="variantprice", name="variantprice_currency"),
        AddConstraintNotValid(
            model_name="variantprice",
            constraint=models.CheckConstraint(
                condition=models.Q(currency__in=KNOWN.split()),
                name="variantprice_currency_known",
                violation_error_message="There is no such currency.",
            ),
        ),
        AddConstraintNotValid(
            model_name="variantprice",
            constraint=models.CheckConstraint(
                condition=~models.Q(currency__in=WHOLE.split())
                | models.Q(models.Q(compare_at=None) | models.Q(compare_at=Round("compare_at")), amount=Round("amount")),
                name="variantprice_minor_units",
                violation_error_message="There are no decimals in this currency.",
            ),
        ),
    ]
