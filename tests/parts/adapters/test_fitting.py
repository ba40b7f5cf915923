"""What every store can keep."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.fitting import _are_plain, clean

TEXTS = st.text(st.characters(exclude_categories=()) | st.sampled_from("\0\ud800яЖ\t"), max_size=20)


@given(TEXTS)
def test_a_text_is_kept_as_it_is_unless_no_database_holds_it(text: str) -> None:
    assert clean(text) == text.replace("\0", "\ufffd").encode(errors="replace").decode()


@given(st.lists(TEXTS | st.none(), max_size=4))
def test_texts_that_are_looked_at_together_are_those_that_need_no_change(texts: list[str | None]) -> None:
    if _are_plain(texts):
        assert all(text is not None and clean(text) == text for text in texts)
