from django.db import migrations, models

import idenfy_kyc.models.folded


class Migration(migrations.Migration):
    dependencies = [
        ("idenfy_kyc", "0002_again_of"),
    ]

    operations = [
        migrations.AddField(
            model_name="verification",
            name="name_folded",
            field=idenfy_kyc.models.folded.FoldedField(
                blank=True, default="", editable=False, max_length=400, of="name"
            ),
        ),
        migrations.AlterField(
            model_name="verification",
            name="status",
            field=models.CharField(blank=True, max_length=40, verbose_name="status"),
        ),
        migrations.AddIndex(
            model_name="verification",
            index=models.Index(fields=["status", "id"], name="idenfy_kyc_ver_status"),
        ),
        migrations.AddIndex(
            model_name="informationrequest",
            index=models.Index(fields=["state", "id"], name="idenfy_kyc_req_state"),
        ),
        migrations.AddIndex(
            model_name="requestbatch",
            index=models.Index(fields=["confirmed_by_name", "id"], name="idenfy_kyc_bat_asked_by"),
        ),
    ]
