"""Who uses the pages: people as fixtures, each with a client that is logged in.

=======  =====  ==============================================================
alice    staff  sees everything of this app, and may ask clients
bob      staff  sees everything of this app, and may only look
carol    staff  sees everything of this app, and may see and download links
dora     staff  may edit verifications, and nothing else of this app
erin     staff  sees everything of this app, and may erase personal data
eve      staff  has no permission here
mallory  -      has an account, and is no staff
rita     staff  sees everything of this app, and may read what clients answered
root     staff  superuser
=======  =====  ==============================================================

``alice`` is the user, ``alice_client`` Django's test client in which she is logged in; so for each of them.
``anonymous`` is a client without anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

VIEW = ("view_verification", "view_informationrequest", "view_requestbatch", "view_webhookdelivery")
ASK = "request_information"
REVEAL = "reveal_link"
ERASE = "erase_personal_data"
READ = "view_answers"

MakeUser = Callable[..., Any]


@pytest.fixture
def make_person(db: None, django_user_model: Any) -> MakeUser:
    """Makes a user, by default staff, with these permissions of ours."""

    def make(name: str, *permissions: str, **fields: Any) -> Any:
        fields = {"full_name": f"{name.capitalize()} Example", "is_staff": True} | fields
        user = django_user_model.objects.create_user(f"{name}@example.com", "password", **fields)
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="idenfy_kyc", codename__in=permissions)
        )
        return user

    return make


def logged_in(user: Any) -> Client:
    """A client as ``user``."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(make_person: MakeUser) -> Any:
    return make_person("alice", *VIEW, ASK)


@pytest.fixture
def bob(make_person: MakeUser) -> Any:
    return make_person("bob", *VIEW)


@pytest.fixture
def carol(make_person: MakeUser) -> Any:
    return make_person("carol", *VIEW, REVEAL)


@pytest.fixture
def dora(make_person: MakeUser) -> Any:
    return make_person("dora", *(f"{act}_verification" for act in ("view", "add", "change", "delete")))


@pytest.fixture
def erin(make_person: MakeUser) -> Any:
    return make_person("erin", *VIEW, ERASE)


@pytest.fixture
def eve(make_person: MakeUser) -> Any:
    return make_person("eve")


@pytest.fixture
def mallory(make_person: MakeUser) -> Any:
    return make_person("mallory", is_staff=False)


@pytest.fixture
def rita(make_person: MakeUser) -> Any:
    return make_person("rita", *VIEW, READ)


@pytest.fixture
def root(make_person: MakeUser) -> Any:
    return make_person("root", is_superuser=True)


@pytest.fixture
def alice_client(alice: Any) -> Client:
    return logged_in(alice)


@pytest.fixture
def bob_client(bob: Any) -> Client:
    return logged_in(bob)


@pytest.fixture
def carol_client(carol: Any) -> Client:
    return logged_in(carol)


@pytest.fixture
def dora_client(dora: Any) -> Client:
    return logged_in(dora)


@pytest.fixture
def erin_client(erin: Any) -> Client:
    return logged_in(erin)


@pytest.fixture
def eve_client(eve: Any) -> Client:
    return logged_in(eve)


@pytest.fixture
def mallory_client(mallory: Any) -> Client:
    return logged_in(mallory)


@pytest.fixture
def rita_client(rita: Any) -> Client:
    return logged_in(rita)


@pytest.fixture
def root_client(root: Any) -> Client:
    return logged_in(root)


@pytest.fixture
def anonymous() -> Client:
    return Client()
