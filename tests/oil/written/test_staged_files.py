"""Test which files that were read for pages are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.written.staged import StagedFiles


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_only_the_last_used_files_are_kept(names: list[str]):
    staged = StagedFiles(most=2)
    used: list[str] = []
    for name in names:
        with staged.hold(name) as kept:
            assert (kept is not None) == (name in used[-2:])
            assert kept is None or kept.read_text(encoding="utf-8") == name
        if name not in used[-2:]:
            made = staged.folder / "made"
            made.write_text(name, encoding="utf-8")
            staged.keep(name, made)
        used = [one for one in used if one != name] + [name]
        assert len(list(staged.folder.iterdir())) <= 2
