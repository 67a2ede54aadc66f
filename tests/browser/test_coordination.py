"""Koordinator in the browser: a rektor orders, the queue, naming, and what is due today."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.audit import at_both_sizes
from tests.browser.test_chain import next_step


def test_from_bestallning_to_koordinator(sign_in: Callable[[str], Page], pictures: Path) -> None:
    page = sign_in("rolf")
    wrong: dict[str, list[str]] = {}

    def look(name: str) -> None:
        wrong.update({f"{size} {name}": found for size, found in at_both_sizes(page).items()})
        page.screenshot(path=pictures / f"coordination-{name}.png", full_page=True)

    page.get_by_role("link", name="Alva Exempelsson").first.click()
    next_step(page, "Koordinator", "Beställ koordinator")
    page.get_by_label("Vad ni vill ha hjälp med").fill("Kontakt med hemmet på morgnarna.")
    page.get_by_label("Vem på skolan").fill("Rolf Provberg")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("alert")).to_contain_text("Berätta först för eleven")
    expect(page.get_by_label("Vad ni vill ha hjälp med")).to_have_value(
        "Kontakt med hemmet på morgnarna."
    )
    page.get_by_label("Eleven och vårdnadshavarna vet om beställningen").check()
    look("order")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Beställning av koordinator")

    page.get_by_role("button", name="Logga ut").click()
    page = sign_in("kim")
    page.get_by_role("link", name="Koordinator").click()
    look("queue")
    page.get_by_role("link", name="Alva Exempelsson").click()
    look("assign")
    page.get_by_label("Kim Simulsson").check()
    page.get_by_role("button", name="Utse").click()
    expect(page.get_by_role("region", name="Mina ärenden")).to_contain_text("Alva Exempelsson")
    page.goto(page.url.replace("/koordinator", "/"))
    due = page.get_by_role("region", name="Att göra")
    expect(due).to_contain_text("Koordinatorn börjar")
    look("today")
    due.get_by_role("link", name="Koordinatorn börjar").click()
    look("duty")
    page.get_by_role("link", name="Ta steget i ärendet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Koordinatorn har börjat")
    assert wrong == {}
