"""The chain in the browser: contact, the pupil's words, kartläggning, utredning, anmälan, plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.audit import at_both_sizes, findings

#: The pictures that docs/users.md shows.
_KEPT = {"case", "assessment", "document"}


def next_step(page: Page, phase: str, words: str) -> None:
    """Go from the case's page to a step's form."""
    side = page.get_by_role("region", name="Nästa steg")
    link = side.get_by_role("link", name=words, exact=True)
    if not link.is_visible():
        side.get_by_text(phase, exact=True).click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def back(page: Page) -> None:
    """From an entry to its case."""
    page.get_by_role("navigation", name="Du är här").get_by_role(
        "link", name=re.compile("F-2026")
    ).click()


def test_from_contact_to_plan(sign_in: Callable[[str], Page], pictures: Path, url: str) -> None:
    page = sign_in("rolf")
    wrong: dict[str, list[str]] = {}

    def look(name: str) -> None:
        wrong.update({f"{size} {name}": found for size, found in at_both_sizes(page).items()})
        if name in _KEPT:
            page.screenshot(path=pictures / f"chain-{name}.png", full_page=True)

    page.get_by_role("link", name="Alva Exempelsson").click()
    next_step(page, "Kontakt och avstämning", "Anteckna en kontakt")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("alert")).to_contain_text("Välj minst ett: Med vem.")
    page.get_by_label("vårdnadshavare").check()
    page.get_by_label("telefon").check()
    page.get_by_label("Vad som sades").fill("Mamma berättar att morgnarna är svåra.")
    look("contact")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kontakt")
    back(page)
    next_step(page, "Kontakt och avstämning", "Stäm av med eleven")
    page.get_by_label("Elevens egna ord").fill("Jag klarar inte matsalen.")
    page.get_by_role("button", name="Spara").click()
    look("entry")
    page.get_by_role("link", name="Ändra").click()
    page.get_by_label("Vad eleven själv vill").fill("Äta i klassrummet.")
    look("edit")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("heading", name="Versioner 2")).to_be_visible()
    back(page)
    next_step(page, "Kartläggning", "Kartlägg för eleven")
    expect(page.get_by_role("region", name="Det vi redan vet om frånvaron")).to_be_visible()
    page.get_by_role("group", name="Vi är inte oroliga för elevens frånvaro.").get_by_label(
        "Stämmer inte"
    ).check()
    page.get_by_label("en nära vän").check()
    page.get_by_label("Det mest angelägna").fill("Matsalen")
    look("assessment")
    page.get_by_role("button", name="Spara").click()
    expect(
        page.get_by_text("Vi är inte oroliga för elevens frånvaro. Stämmer inte.")
    ).to_be_visible()
    back(page)
    next_step(page, "Utredning och anmälan", "Inled utredning")
    page.get_by_label("Varför utredningen inleds").fill("Upprepad frånvaro.")
    look("investigation")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("pågår")
    page.get_by_role("link", name="Anmäl till huvudmannen").click()
    page.get_by_role("button", name="Spara").click()
    back(page)
    page.get_by_role("link", name="Anmälan till huvudmannen").last.click()
    expect(page.get_by_text("Inget annat har lämnats.")).to_be_visible()
    look("document")
    page.get_by_role("navigation", name="Du är här").get_by_role(
        "link", name=re.compile("F-2026")
    ).click()
    next_step(page, "Plan och insatser", "Gör en plan")
    page.get_by_label("Utvecklingsområde nu").fill("Trygg lunch")
    expect(page.get_by_label("Mönster och faktorer")).to_have_value("Matsalen")
    look("plan")
    page.get_by_role("button", name="Spara").click()
    page.get_by_role("link", name="Kom överens om en insats").click()
    page.get_by_label("Vad?").fill("Lunch i mindre grupp.")
    page.get_by_label("Varför?").fill("Matsalen är det svåra.")
    page.get_by_label("avstämning med elever").check()
    page.get_by_label("Vem ansvarar").fill("Maja")
    page.get_by_label("individ: gäller eleven").check()
    page.get_by_label("åtgärda i tid").check()
    page.get_by_label("Insats ur katalogen").select_option("Förstärkt mentorskap")
    look("intervention")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_text("Täta samtal med eleven")).to_be_visible()
    back(page)
    expect(page.get_by_role("region", name=re.compile("Det som är gjort"))).to_contain_text(
        "överenskommen"
    )
    look("case")
    page.goto(f"{url}/klasser")
    look("classes")
    page.get_by_role("link", name="7A").click()
    look("class")
    page.goto(f"{url}/anmalningar")
    look("desk")
    assert wrong == {}


def test_two_who_write_at_once_see_both_texts(
    sign_in: Callable[[str], Page], pictures: Path
) -> None:
    first = sign_in("rolf")
    first.get_by_role("link", name="Alva Exempelsson").click()
    next_step(first, "Kontakt och avstämning", "Stäm av med eleven")
    first.get_by_label("Elevens egna ord").fill("Det är för högt.")
    first.get_by_role("button", name="Spara").click()
    first.get_by_role("link", name="Ändra").click()
    second = first.context.new_page()
    second.goto(first.url)
    second.get_by_label("Elevens egna ord").fill("Det är för högt och för trångt.")
    second.get_by_role("button", name="Spara").click()
    first.get_by_label("Elevens egna ord").fill("Matsalen är för hög.")
    first.get_by_role("button", name="Spara").click()
    both = first.get_by_role("region", name="Två har skrivit samtidigt")
    expect(both).to_contain_text("Det är för högt och för trångt.")
    expect(both).to_contain_text("Matsalen är för hög.")
    assert findings(first) == []
    first.screenshot(path=pictures / "chain-merge.png", full_page=True)
    first.get_by_role("textbox", name="Elevens egna ord").fill("Matsalen är hög och trång.")
    first.get_by_role("button", name="Spara").click()
    expect(first.get_by_role("heading", name="Versioner 3")).to_be_visible()
