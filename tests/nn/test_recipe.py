import ast
import dataclasses
import inspect
from itertools import pairwise

import pytest

from acteme.engine.config import from_json, override, to_json
from acteme.errors import InputError
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


def test_a_warm_up_is_a_number_of_steps_or_a_share():
    for text, value in (("100", 100), ("0.2", 0.2), ("1", 1), ("0", 0)):
        recipe = override(Recipe(), [f"warmup={text}"])
        assert recipe.warmup == value and type(recipe.warmup) is type(value)
        again = from_json(Recipe, to_json(recipe))
        assert again == recipe and type(again.warmup) is type(value)
    assert [Recipe(warmup=w).warm(50) for w in (7, 0.2, 0.0)] == [7, 10, 0] and Recipe(warmup=7).warm(None) == 7


@pytest.mark.parametrize("value", ["-1", "-0.1", "1.0", "2.5", "NaN"])
def test_a_warm_up_that_is_neither_is_refused_in_one_line(value):
    with pytest.raises(InputError, match=r"the warm-up is .*; give a number of steps \(100\), or a share") as error:
        override(Recipe(), [f"warmup={value}"])
    assert "\n" not in str(error.value)
