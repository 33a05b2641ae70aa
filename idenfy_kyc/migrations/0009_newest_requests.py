from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("idenfy_kyc", "0008_lists_of_millions"),
    ]

    # The new ones first: MariaDB keeps the last index that begins with a foreign key.
    operations = [
        migrations.AddIndex(
            model_name="informationrequest",
            index=models.Index(fields=["verification", "id", "sent_at"], name="idenfy_kyc_req_of_ver"),
        ),
        migrations.AddIndex(
            model_name="informationrequest",
            index=models.Index(fields=["state", "verification", "id"], name="idenfy_kyc_req_state_of_ver"),
        ),
        migrations.RemoveIndex(
            model_name="informationrequest",
            name="idenfy_kyc_req_last_asked",
        ),
    ]
