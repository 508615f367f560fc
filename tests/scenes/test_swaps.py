from collections import Counter
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.contests import swapped, valid_swaps

objects_lists = st.integers(1, 3).flatmap(
    lambda concepts: st.lists(st.tuples(*[st.integers(0, 3)] * concepts), min_size=1, max_size=6)
)


def test_clevr_has_240_ordered_pairs_without_a_valid_swap() -> None:
    objects = BUILTIN_SPACES["clevr2d"].objects()
    none = sum(not valid_swaps(pair) for pair in product(objects, objects))
    assert none == 240


@given(objects_lists, st.data())
def test_a_swap_twice_is_the_identity(objects, data) -> None:
    concept = data.draw(st.integers(0, len(objects[0]) - 1))
    i, j = data.draw(st.integers(0, len(objects) - 1)), data.draw(st.integers(0, len(objects) - 1))
    once = swapped(objects, concept, i, j)
    assert swapped(once, concept, i, j) == tuple(objects)


@given(objects_lists)
def test_a_valid_swap_keeps_the_concepts_and_changes_the_objects(objects) -> None:
    for swap in valid_swaps(objects):
        assert Counter(swap.objects) != Counter(objects)
        for k in range(len(objects[0])):
            assert Counter(o[k] for o in swap.objects) == Counter(o[k] for o in objects)


@given(objects_lists)
def test_valid_swaps_lead_to_different_scenes_each(objects) -> None:
    after = [tuple(sorted(swap.objects)) for swap in valid_swaps(objects)]
    assert len(after) == len(set(after))


@given(objects_lists, st.randoms())
def test_the_order_of_the_objects_does_not_change_where_swaps_lead(objects, random) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)
    lead = {tuple(sorted(s.objects)) for s in valid_swaps(objects)}
    assert lead == {tuple(sorted(s.objects)) for s in valid_swaps(shuffled)}


def test_two_objects_of_two_concepts_have_one_swap() -> None:
    assert len(valid_swaps([(0, 0), (1, 1)])) == 1
    assert not valid_swaps([(0, 0), (0, 1)])
    assert not valid_swaps([(0, 0), (1, 0)])
    assert not valid_swaps([(0, 0), (0, 0)])
    assert not valid_swaps([(0, 0)])
