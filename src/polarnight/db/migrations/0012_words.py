# Names of the tables as readers know them; nothing in the database changes.

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight", "0011_results_stamps"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="aperphotresult",
            options={
                "ordering": ["id"],
                "verbose_name": "aperture measurement",
                "verbose_name_plural": "aperture measurements",
            },
        ),
        migrations.AlterModelOptions(
            name="astrosource",
            options={
                "ordering": ["name"],
                "verbose_name": "source",
                "verbose_name_plural": "sources",
            },
        ),
        migrations.AlterModelOptions(
            name="cubecontainer",
            options={
                "ordering": ["name"],
                "verbose_name": "container",
                "verbose_name_plural": "containers",
            },
        ),
        migrations.AlterModelOptions(
            name="datacube",
            options={"ordering": ["id"], "verbose_name": "cube", "verbose_name_plural": "cubes"},
        ),
        migrations.AlterModelOptions(
            name="epoch",
            options={
                "ordering": ["night", "telescope"],
                "verbose_name": "night",
                "verbose_name_plural": "nights",
            },
        ),
        migrations.AlterModelOptions(
            name="flagchange",
            options={
                "ordering": ["id"],
                "verbose_name": "change of a flag",
                "verbose_name_plural": "changes of flags",
            },
        ),
        migrations.AlterModelOptions(
            name="framequality",
            options={
                "ordering": ["juliandate", "reducedfit_id"],
                "verbose_name": "quality of a frame",
                "verbose_name_plural": "qualities of frames",
            },
        ),
        migrations.AlterModelOptions(
            name="humandecision",
            options={"verbose_name": "decision", "verbose_name_plural": "decisions"},
        ),
        migrations.AlterModelOptions(
            name="masterbias",
            options={
                "ordering": ["id"],
                "verbose_name": "master bias",
                "verbose_name_plural": "master biases",
            },
        ),
        migrations.AlterModelOptions(
            name="masterdark",
            options={
                "ordering": ["id"],
                "verbose_name": "master dark",
                "verbose_name_plural": "master darks",
            },
        ),
        migrations.AlterModelOptions(
            name="masterflat",
            options={
                "ordering": ["id"],
                "verbose_name": "master flat",
                "verbose_name_plural": "master flats",
            },
        ),
        migrations.AlterModelOptions(
            name="nightquality",
            options={
                "ordering": ["epoch_id", "instrument", "obsmode", "band"],
                "verbose_name": "quality of a night",
                "verbose_name_plural": "qualities of nights",
            },
        ),
        migrations.AlterModelOptions(
            name="photopolresult",
            options={
                "ordering": ["juliandate", "id"],
                "verbose_name": "photo-polarimetric result",
                "verbose_name_plural": "photo-polarimetric results",
            },
        ),
        migrations.AlterModelOptions(
            name="rawfit",
            options={
                "ordering": ["epoch_id", "filename"],
                "verbose_name": "raw frame",
                "verbose_name_plural": "raw frames",
            },
        ),
        migrations.AlterModelOptions(
            name="reducedfit",
            options={
                "ordering": ["epoch_id", "filename"],
                "verbose_name": "reduced frame",
                "verbose_name_plural": "reduced frames",
            },
        ),
    ]
