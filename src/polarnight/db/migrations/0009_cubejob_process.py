"""Jobs say which process runs them, so that those of killed ones are found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight", "0008_results_scan"),
    ]

    operations = [
        migrations.AddField(
            model_name="cubejob",
            name="process",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
    ]
