"""The groups of users that `polarnight.web.access.roles` knows."""

from typing import Any

from django.db import migrations

GROUPS = ("viewer", "observer", "operator", "admin")


def make_groups(apps: Any, editor: Any) -> None:
    group = apps.get_model("auth", "Group")
    for name in GROUPS:
        group.objects.using(editor.connection.alias).get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("polarnight_web", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    # Backwards they stay: users may be in them.
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop, elidable=False)]
