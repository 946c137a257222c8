"""An index from which light curves and tables of 10^5 results are read alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight", "0007_cubes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="photopolresult",
            index=models.Index(
                fields=[
                    "astrosource",
                    "juliandate",
                    "instrument",
                    "band",
                    "epoch",
                    "reduction",
                    "machine_flags",
                    "human_set",
                    "human_clear",
                    "mag",
                    "mag_err",
                    "mag_limit",
                    "mag_corr",
                    "mag_corr_err",
                    "q",
                    "q_err",
                    "u",
                    "u_err",
                    "p",
                    "p_err",
                    "p_low",
                    "p_high",
                    "p_naive",
                    "p_limit95",
                    "p_corr",
                    "p_corr_err",
                    "chi",
                    "chi_err",
                    "airmass",
                    "fwhm",
                    "id",
                ],
                name="photopol_scan",
            ),
        ),
    ]
