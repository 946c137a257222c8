"""Stamps that tell of changed results, and indexes for every order of their table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight", "0010_worklock"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResultsStamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=10)),
                ("token", models.CharField(max_length=40)),
            ],
            options={"ordering": ["kind", "id"]},
        ),
        migrations.AddIndex(
            model_name="photopolresult",
            index=models.Index(
                fields=[
                    "astrosource",
                    "mag_zp",
                    "mag_zp_err",
                    "mag_inst",
                    "mag_inst_err",
                    "flux_counts",
                    "flux_counts_err",
                    "bkg_flux_counts",
                    "exptime",
                    "n_frames",
                    "juliandate_min",
                    "juliandate_max",
                    "bjd_tdb",
                    "obsmode",
                    "zp_method",
                    "zp_n",
                    "zp_chi2",
                    "qu_cov",
                    "v",
                    "v_err",
                    "q_nocorr",
                    "u_nocorr",
                    "debias",
                    "pol_method",
                    "pol_chi2",
                    "pol_dof",
                    "n_angles",
                    "fwhm_source",
                    "aperas",
                    "aperpix",
                    "modified",
                    "id",
                ],
                name="photopol_sort",
            ),
        ),
        migrations.AddIndex(
            model_name="photopolresult",
            index=models.Index(
                models.Func("error", template="substr(%(expressions)s, 1, 200)"),
                models.F("id"),
                name="photopol_error",
            ),
        ),
        migrations.AddIndex(
            model_name="photopolresult",
            index=models.Index(
                models.F("astrosource"),
                models.Func("error", template="substr(%(expressions)s, 1, 200)"),
                models.F("id"),
                name="photopol_curve_error",
            ),
        ),
        migrations.AddIndex(
            model_name="photopolresult",
            index=models.Index(fields=["astrosource", "recipe_key", "id"], name="photopol_recipe"),
        ),
    ]
