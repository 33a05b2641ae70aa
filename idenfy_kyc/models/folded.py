"""A text column that is a folded copy of another one, for searching, and what keeps the two together.

Nobody has to think of it: saving a row computes the copy, and so does every way in which a queryset writes without
saving. That matters beyond searching, because a name that is erased may stand nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import models

from ..folding import folded

M = TypeVar("M", bound=models.Model)


class FoldedField(models.CharField):  # type: ignore[type-arg]
    """The copy of the text column ``of``. What does not fit is cut off; twice its length is enough for most letters."""

    description = "Folded copy of a text"

    def __init__(self, *args: Any, of: str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(*args, **kwargs | {"editable": False, "blank": True, "default": ""})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"of": self.of}

    def folded(self, text: Any) -> str:
        """What this column holds for ``text``; nothing for an expression, whose outcome nobody knows yet."""
        return folded(text)[: self.max_length] if isinstance(text, str) else ""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.folded(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, value)
        return value


def copies(model: type[models.Model], names: Collection[str]) -> Iterator[FoldedField]:
    """The folded copies of these columns."""
    for field in model._meta.concrete_fields:
        if isinstance(field, FoldedField) and field.of in names:
            yield field


def with_copies(model: type[models.Model], names: Iterable[str] | None) -> list[str] | None:
    """These columns, and the folded copies of them; None for None, which is all."""
    if names is None:
        return None
    names = list(names)
    return list(dict.fromkeys([*names, *(copy.name for copy in copies(model, names))]))


class FoldingQuerySet(models.QuerySet[M]):
    """Writes the copies of what it writes."""

    def update(self, **kwargs: Any) -> int:
        """Django's. The copy of an expression is emptied, and filled when a row is saved."""
        for copy in copies(self.model, kwargs):
            kwargs.setdefault(copy.name, copy.folded(kwargs[copy.of]))
        return super().update(**kwargs)

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Django's, which calls no ``pre_save`` of a field."""
        objs, fields = list(objs), list(fields)
        for copy in copies(self.model, fields):
            for obj in objs:
                copy.pre_save(obj, add=False)
        return super().bulk_update(objs, with_copies(self.model, fields) or [], batch_size=batch_size)

    def bulk_create(
        self, objs: Iterable[M], *args: Any, update_fields: Collection[str] | None = None, **kwargs: Any
    ) -> list[M]:
        """Django's, which computes the copies, but on a conflict writes only the columns that it is told."""
        update_fields = with_copies(self.model, update_fields)
        return super().bulk_create(objs, *args, update_fields=update_fields, **kwargs)  # type: ignore[misc]

    update.alters_data = bulk_update.alters_data = bulk_create.alters_data = True  # type: ignore[attr-defined]
