import ast
import dataclasses
import inspect
from itertools import pairwise

import pytest

from acteme.nn.recipe import Recipe


def test_recipe_is_frozen_and_hashable():
    recipe = Recipe(milestones=(3, 5))
    assert hash(recipe) == hash(Recipe(milestones=(3, 5)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.lr = 1.0  # type: ignore[misc]


def test_every_field_has_a_default_and_a_meaning():
    body = ast.parse(inspect.getsource(Recipe)).body[0].body
    said = {
        field.target.id
        for field, doc in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr)
    }
    assert said == {f.name for f in dataclasses.fields(Recipe)}
    assert all(f.default is not dataclasses.MISSING for f in dataclasses.fields(Recipe))
