"""Names as Kubernetes makes them."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from crashy.controllers.names import template_hash
from crashy.objects.names import generated


@given(st.dictionaries(st.text(), st.recursive(st.integers() | st.text(), st.lists, max_leaves=5)))
def test_a_template_has_one_hash_in_kubernetes_alphabet(template: dict[str, object]) -> None:
    value = template_hash(template)

    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{1,10}", value)
    assert value == template_hash(dict(reversed(template.items())))


def test_another_template_has_another_hash() -> None:
    assert template_hash({"image": "v1"}) != template_hash({"image": "v2"})


@given(st.text(alphabet="abc-", min_size=1, max_size=80), st.integers())
def test_generated_names_fit_and_repeat_with_their_seed(base: str, seed: int) -> None:
    name = generated(base, random.Random(seed))

    assert len(name) <= 63
    assert name == generated(base, random.Random(seed))
    assert name.startswith(base[:58])
