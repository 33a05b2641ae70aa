from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from django.db.models import F

from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest
from idenfy_kyc.models.fields import Unreadable
from tests.factories import LINK, TOKEN, make_request

pytestmark = pytest.mark.django_db


def stored(request: InformationRequest, column: str = "session_url") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM idenfy_kyc_informationrequest WHERE id = %s", [request.pk])  # noqa: S608
        return str(cursor.fetchone()[0])


class TestEncryptedTextField:
    def test_keeps_no_plain_text_in_the_column(self) -> None:
        request = make_request(State.ISSUED)

        assert "s3cret" not in stored(request) + stored(request, "token")
        assert InformationRequest.objects.get(pk=request.pk).session_url == LINK

    def test_keeps_no_plain_text_when_written_by_an_update_of_many(self) -> None:
        request = make_request(State.ISSUED)

        InformationRequest.objects.filter(pk=request.pk).update(session_url="https://x.test/?authToken=other-s3cret")

        assert "s3cret" not in stored(request)
        assert InformationRequest.objects.get(pk=request.pk).session_url == "https://x.test/?authToken=other-s3cret"

    def test_keeps_no_plain_text_when_written_by_a_bulk_update(self) -> None:
        request = make_request(State.ISSUED)
        request.token = "other-s3cret"

        InformationRequest.objects.bulk_update([request], ["token"])

        assert "s3cret" not in stored(request, "token")
        assert InformationRequest.objects.get(pk=request.pk).token == "other-s3cret"

    def test_encrypts_one_text_differently_each_time(self) -> None:
        one, other = make_request(State.ISSUED), make_request(State.ISSUED)

        assert stored(one) != stored(other)

    def test_keeps_any_script_and_any_length(self) -> None:
        link = "https://x.test/" + "ąžβ漢字🙂" * 500

        request = make_request(State.ISSUED, session_url=link)

        assert InformationRequest.objects.get(pk=request.pk).session_url == link

    def test_keeps_empty_as_empty(self) -> None:
        request = make_request(State.QUEUED)

        assert stored(request) == ""
        assert InformationRequest.objects.filter(session_url="").get() == request

    def test_is_read_with_a_former_key_and_written_with_the_present_one(self, settings: Any) -> None:
        request = make_request(State.ISSUED)
        former = settings.SECRET_KEY
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new key", [former]

        found = InformationRequest.objects.get(pk=request.pk)
        found.save()
        settings.SECRET_KEY_FALLBACKS = []

        assert found.session_url == LINK
        assert InformationRequest.objects.get(pk=request.pk).session_url == LINK

    @pytest.mark.parametrize("lookup", ["session_url", "session_url__exact", "token"])
    def test_refuses_to_be_compared_with_a_text(self, lookup: str) -> None:
        with pytest.raises(FieldError, match="is encrypted"):
            InformationRequest.objects.filter(**{lookup: LINK}).exists()

    @pytest.mark.parametrize("name", ["contains", "icontains", "startswith", "iexact", "gt", "regex"])
    def test_refuses_every_other_lookup(self, name: str) -> None:
        with pytest.raises(FieldError, match="is encrypted"):
            InformationRequest.objects.filter(**{f"token__{name}": "s3"}).exists()

    def test_refuses_to_be_looked_up_in_a_list(self) -> None:
        with pytest.raises(FieldError, match="is encrypted"):
            InformationRequest.objects.filter(**{"token__in": [TOKEN]})

    def test_refuses_to_be_compared_with_another_column(self) -> None:
        with pytest.raises(FieldError, match="is encrypted"):
            InformationRequest.objects.filter(**{"token": F("session_url")}).exists()

    def test_may_be_asked_whether_it_is_null(self) -> None:
        make_request(State.ISSUED)

        assert not InformationRequest.objects.filter(**{"token__isnull": True}).exists()


class TestUnreadable:
    def test_stands_in_for_what_no_key_decrypts(self, settings: Any) -> None:
        request = make_request(State.ISSUED)
        settings.SECRET_KEY = "a key that never wrote it"

        found = InformationRequest.objects.get(pk=request.pk)

        assert isinstance(found.session_url, Unreadable)
        assert found.session_url == ""
        assert found.link_is_unreadable
        assert not InformationRequest.objects.get(pk=make_request(State.QUEUED).pk).link_is_unreadable

    def test_is_written_back_as_it_was(self, settings: Any) -> None:
        request = make_request(State.ISSUED)
        before, former = stored(request), settings.SECRET_KEY
        settings.SECRET_KEY = "a key that never wrote it"

        InformationRequest.objects.get(pk=request.pk).save()
        after = stored(request)
        settings.SECRET_KEY = former

        assert after == before
        assert InformationRequest.objects.get(pk=request.pk).session_url == LINK

    @pytest.mark.parametrize("rubbish", ["no ciphertext at all", "ą", "gAAAAA==", " "])
    def test_stands_in_for_rubbish_too(self, rubbish: str) -> None:
        request = make_request(State.ISSUED)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE idenfy_kyc_informationrequest SET session_url = %s WHERE id = %s", [rubbish, request.pk]
            )

        found = InformationRequest.objects.get(pk=request.pk)

        assert found.link_is_unreadable

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])  # noqa: S301
    def test_survives_being_copied(self, duplicate: Any) -> None:
        copied = duplicate(Unreadable("ciphertext"))

        assert copied == ""
        assert copied.ciphertext == "ciphertext"
