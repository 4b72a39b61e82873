"""Configurations: JSON round trip, changes by path, and messages for wrong ones."""

from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from acteme.engine.config import configured, from_json, override, presets, rows, to_json
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.systems.detect.scprg import Config
from acteme.systems.recommend.dare import Config as Dare


@dataclass(frozen=True)
class Part:
    """A part."""

    size: int = 3
    """How many
    there are."""
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"
    steps: tuple[int, ...] = (1, 2)
    pair: tuple[float, float] = (0.1, 0.2)
    limit: float | None = None
    name: str = "x"
    on: bool = True
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class Whole:
    part: Part = field(default_factory=Part)


def test_json_round_trip_keeps_every_type():
    config = Whole(Part(size=4, steps=(), limit=2.0, recipe=Recipe(milestones=(3, 4), ema=0.9)))
    assert from_json(Whole, to_json(config)) == config


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ("part.size=7", "size", 7),
        ("part.rate=1", "rate", 1.0),
        ("part.rate=1e-3", "rate", 1e-3),
        ("part.kind=b", "kind", "b"),
        ("part.steps=4,5,6", "steps", (4, 5, 6)),
        ("part.steps=", "steps", ()),
        ("part.pair=0.9,0.99", "pair", (0.9, 0.99)),
        ("part.limit=none", "limit", None),
        ("part.limit=3", "limit", 3.0),
        ("part.name=12", "name", "12"),
        ("part.on=false", "on", False),
    ],
)
def test_changes_are_read_by_the_annotated_type(change, name, value):
    got = getattr(override(Whole(), [change]).part, name)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("part.size", "is not a change"),
        ("part.sice=3", "known: size, rate"),
        ("part=3", "names a group"),
        ("part.size.x=3", "no settings below it"),
        ("part.size=2.5", "2.5 is not a value of type int"),
        ("part.size=true", "True is not a value of type int"),
        ("part.kind=c", "'c' is not a value of type"),
        ("part.pair=1", "is not a value of type"),
        ("part.recipe.optimizer=rmsprop", "rmsprop"),
    ],
)
def test_wrong_changes_say_what_is_wrong(change, message):
    with pytest.raises(InputError, match=message):
        override(Whole(), [change])


def test_unknown_fields_in_a_file_are_named():
    with pytest.raises(InputError, match=r"config.json: part: unknown setting 'sizes'"):
        from_json(Whole, {"part": {"sizes": 3}})


def test_rows_reach_nested_settings_with_their_meaning():
    found = {path: (value, meaning) for path, value, meaning in rows(Whole())}
    assert found["part.size"] == (3, "How many there are.")
    assert found["part.recipe.lr"][0] == Recipe().lr and "Learning rate" in found["part.recipe.lr"][1]


@dataclass(frozen=True)
class Choice:
    """A configuration whose choices have the name of nothing."""

    center: Literal["none", "frame"] = "frame"
    """Meaning."""
    size: tuple[int, ...] = (1, 2)
    """Meaning."""


def test_a_choice_called_none_and_tuples_in_parentheses():
    assert override(Choice(), ["center=none"]) == Choice(center="none")
    assert override(Choice(), ["size=(3, 4)"]) == override(Choice(), ["size=3,4"]) == Choice(size=(3, 4))
    assert override(Choice(), ["size=()"]) == Choice(size=())


@pytest.mark.parametrize(
    ("slug", "change", "other"),
    [
        ("scprg", "pretrain.encoder.width=32", "extract.encoder.width=32"),
        ("dnis", "search.network.width=8", "warm.network.width=8"),
        ("corridors", "adapt.predictor.grid.surfaces=3", "base.predictor.grid.surfaces=3"),
    ],
)
def test_a_setting_that_follows_from_another_is_not_set_in_silence(slug, change, other):
    with pytest.raises(InputError, match="has no effect"):
        configured(slug, "small", [change])
    assert configured(slug, "small", [other, change]) == configured(slug, "small", [other])


def test_presets_are_taken_by_name_and_changed():
    assert presets(Config).keys() == {"small", "rams", "wikievents"}
    assert presets(Config)["rams"] == "The official setting for RAMS."
    assert configured("scprg", "rams") == Config.rams()
    changed = configured("scprg", "wikievents", ["extract.alpha=3"])
    assert changed.extract == replace(Config.wikievents().extract, alpha=3.0)
    with pytest.raises(InputError, match="'scprg' has no preset 'roms'; known: small, rams, wikievents"):
        configured("scprg", "roms")


def test_presets_with_arguments_are_left_to_python():
    assert "of" not in presets(Dare)
