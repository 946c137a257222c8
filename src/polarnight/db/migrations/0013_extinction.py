# Extinction of nights, and the error of their throughput.

from django.db import migrations, models

import polarnight.db.fields


def _number(text: str = "") -> polarnight.db.fields.NumberField:
    return polarnight.db.fields.NumberField(blank=True, help_text=text, null=True)


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight", "0012_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="nightquality",
            name="extinction",
            field=_number("of this night, magnitudes per airmass"),
        ),
        migrations.AddField(
            model_name="nightquality",
            name="extinction_err",
            field=_number(),
        ),
        migrations.AddField(
            model_name="nightquality",
            name="extinction_n",
            field=models.IntegerField(
                blank=True, help_text="zero points that it was fitted to", null=True
            ),
        ),
        migrations.AddField(
            model_name="nightquality",
            name="extinction_taken",
            field=_number("magnitudes per airmass that bring zero points to airmass 1"),
        ),
        migrations.AddField(
            model_name="nightquality",
            name="throughput_err",
            field=_number(),
        ),
        migrations.AlterField(
            model_name="nightquality",
            name="zero_point",
            field=_number("of the best frame at airmass 1, magnitude of one ADU per second"),
        ),
    ]
