import hashlib
from typing import Any

from django.db import migrations, models

import idenfy_kyc.models.fields

PORTION = 500


def hide(apps: Any, schema_editor: Any) -> None:
    """Keep the links that still work, encrypted; of the others only the digest by which they are found."""
    requests = apps.get_model("idenfy_kyc", "InformationRequest")._base_manager.using(schema_editor.connection.alias)
    last = 0
    while rows := list(requests.filter(pk__gt=last).order_by("pk").only("public_id", "state")[:PORTION]):
        for row in rows:
            row.public_digest = hashlib.sha256(str(row.public_id).encode()).hexdigest()
            row.link_id = str(row.public_id) if row.state == "issued" else ""
        requests.bulk_update(rows, ["public_digest", "link_id"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("idenfy_kyc", "0005_hear")]

    operations = [
        migrations.AddField(
            "informationrequest",
            "link_id",
            idenfy_kyc.models.fields.EncryptedTextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            "informationrequest",
            "public_digest",
            models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.RunPython(hide, migrations.RunPython.noop),
        migrations.RemoveField("informationrequest", "public_id"),
        migrations.RenameField("informationrequest", "link_id", "public_id"),
    ]
