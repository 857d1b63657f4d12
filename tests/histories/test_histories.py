"""Histories drawn from seeds: every invariant holds in each of them; and the machinery itself does what it says."""

from __future__ import annotations

from random import Random

import pytest

from tests.histories.choices import Choices
from tests.histories.draw import DRAWS, draw_history, history_of
from tests.histories.mutants import MUTANTS
from tests.histories.plan import History
from tests.histories.runner import live_seeds
from tests.histories.story import story

SEED, COUNT, OF_UPDATES = 20_261_101, 300, 100


def test_histories():
    tally = live_seeds(range(SEED, SEED + COUNT))
    assert tally.failures == {}, "tell one by python -m tests.histories --tell SEED --shrink"


def test_histories_of_updates():
    tally = live_seeds(range(SEED, SEED + OF_UPDATES), "updates")
    assert tally.failures == {}, "tell one by python -m tests.histories --of updates --tell SEED --shrink"


def test_a_history_is_told_the_same_way_twice(live):
    for seed in range(40):
        assert story(history_of(seed)) == story(history_of(seed))


def test_a_history_is_what_its_choices_are():
    choices = Choices(Random(7))  # noqa: S311 - no secret
    drawn = draw_history(choices, 7)
    assert draw_history(Choices(replay=choices.made), 7) == drawn


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_no_choices_are_a_plain_history(live, draw):
    plain = draw(Choices(), 0)
    assert isinstance(plain, History)
    lived = live(plain)
    assert lived.life.state == "success"
    assert lived.verdict.violations == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_still_fits_the_source(mutant):
    """Whether each is found, ``python -m tests.histories --mutants --count 2000`` shows, which takes a while."""
    compile(mutant.source(), mutant.path, "exec")
