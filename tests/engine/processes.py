"""What worker processes call in the tests of launching; imports nothing heavy before it is called."""

from acteme.errors import InputError


def fail(message: str) -> None:
    raise InputError(message, "file", "mend it")


def train_in_all(folder: str) -> None:
    """Training as torchrun starts it: the same call in every process."""
    from dataclasses import replace

    from acteme.engine.train import train
    from tests.engine.test_launch import SETTINGS, both
    from tests.engine.toys import toy, untrimmed

    train(toy(), untrimmed(), folder, config=both(4), settings=replace(SETTINGS, devices=2, strategy="fsdp"))
