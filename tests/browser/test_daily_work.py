"""A morning's work in the browser: sign in, the list, a case, acknowledge, comment, close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect


def test_pictures_of_the_list_and_a_case(sign_in: Callable[[str], Page], pictures: Path) -> None:
    page = sign_in("karin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tisdag 24 november")
    page.screenshot(path=pictures / "today.png", full_page=True)
    page.get_by_role("link", name="Alva Exempelsson").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alva Exempelsson")
    page.screenshot(path=pictures / "case.png", full_page=True)
