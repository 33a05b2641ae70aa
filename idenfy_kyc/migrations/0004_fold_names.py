from typing import Any

from django.db import migrations

PORTION = 500


def fold_names(apps: Any, schema_editor: Any) -> None:
    """Fill the folded copies, portion by portion: whoever interrupts it, begins again where it stopped."""
    verification = apps.get_model("idenfy_kyc", "Verification")
    copy = verification._meta.get_field("name_folded")
    rows = verification.objects.using(schema_editor.connection.alias).order_by("pk").only("name")
    missing = rows.filter(name_folded="").exclude(name="")
    last = 0
    while portion := list(missing.filter(pk__gt=last)[:PORTION]):
        for row in portion:
            copy.pre_save(row, add=False)
        rows.bulk_update(portion, ["name_folded"])
        last = portion[-1].pk


class Migration(migrations.Migration):
    """Outside a transaction: nobody waits for a million names."""

    atomic = False
    dependencies = [
        ("idenfy_kyc", "0003_name_folded"),
    ]

    operations = [
        migrations.RunPython(fold_names, migrations.RunPython.noop, elidable=True),
    ]
