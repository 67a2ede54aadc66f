"""A morning's work in the browser: the list, a case, acknowledge, comment, close, ring home."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from services.cases.web.today_pages import PARTS
from tests.browser.audit import at_both_sizes, findings


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_pictures_of_the_list_and_a_case(sign_in: Callable[[str], Page], pictures: Path) -> None:
    page = sign_in("karin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tisdag 24 november")
    page.screenshot(path=pictures / "today.png", full_page=True)
    page.get_by_role("link", name="Alva Exempelsson").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alva Exempelsson")
    page.screenshot(path=pictures / "case.png", full_page=True)


def test_the_list_says_what_waits(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("karin")
    ring = page.get_by_role("region", name="Ring hem 2")
    expect(ring).to_contain_text("Dino Testberg")
    expect(ring).to_contain_text("Det finns ingen e-postadress till hemmet.")
    late = page.get_by_role("region", name="Försenade 1")
    expect(late).to_contain_text("Alva Exempelsson")
    expect(late).to_contain_text("Frånvarande hela skoldagen 8 skoldagar i rad")
    new = page.get_by_role("region", name="Nya 2")
    expect(new).to_contain_text("Bo Låtsasson")
    changed = page.get_by_role("region", name="Ändrade sedan du såg dem 1")
    expect(changed).to_contain_text("Cilla Provdotter")
    expect(changed).to_contain_text("Varningen har ändrats")
    today = page.get_by_role("region", name="Ogiltig frånvaro idag 3")
    row = today.get_by_role("row", name="Frej Påhittson")
    expect(row).to_contain_text("Informerat kl. 09.50")
    expect(today.get_by_role("row", name="Cilla Provdotter")).to_contain_text("Rättad")
    today.get_by_text("Från måndag 23 november").click()
    expect(today.get_by_role("row", name="Gry Simulberg")).to_contain_text("2 tim")
    page.get_by_text("Äldre frånvaro, inläst i efterhand").click()
    expect(page.get_by_text("21–25 september 2026")).to_be_visible()
    expect(page.get_by_text("Ebba")).to_have_count(0)


_BEYOND = """
() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".vh, .skip, thead"))
  .filter((node) => node.getBoundingClientRect().right > innerWidth
    || node.scrollWidth > Math.max(node.clientWidth, innerWidth))
  .map((node) => node.outerHTML.slice(0, 120))
"""
"""What is not wholly on the screen, or has to be scrolled sideways."""


def test_on_a_phone_a_row_says_who_and_whether_the_home_knows(
    sign_in: Callable[[str], Page],
) -> None:
    page = sign_in("karin")
    page.set_viewport_size({"width": 390, "height": 844})
    today = page.get_by_role("region", name="Ogiltig frånvaro idag 3")
    today.get_by_text("Från måndag 23 november").click()
    assert page.evaluate(_BEYOND) == []
    expect(today.get_by_role("columnheader", name="Hemmet")).to_have_count(2)
    for name, words in (
        ("Frej Påhittson", "Informerat kl. 09.50"),
        ("Dino Testberg", "Ring hem"),
        ("Gry Simulberg", "Inte informerat än"),
    ):
        row = today.get_by_role("row", name=name)
        expect(row.get_by_role("rowheader")).to_contain_text(name)
        home = row.get_by_role("cell").filter(has_text=words)
        box, whole = home.bounding_box(), row.bounding_box()
        assert box
        assert whole
        assert box["x"] >= whole["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    # With room enough it is a table.
    row = today.get_by_role("row", name="Frej Påhittson").get_by_role("cell")
    tops = {box["y"] for cell in row.all() if (box := cell.bounding_box())}
    assert len(tops) == 1


def test_the_school_is_told_about_itself_and_no_other(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("karin")
    now = page.get_by_role("region", name="Skolan just nu")
    expect(now).to_contain_text(
        "Många i 7A är borta med giltig orsak, sedan fredag 20 november: 9 av 24 i går, vanligen 2."
    )
    expect(now).to_contain_text("I ämnet Idrott och hälsa är fler elever borta än annars")
    expect(now).to_contain_text("61 % av lektionstiden i ämnet Slöjd är rapporterad")
    expect(now.get_by_role("listitem")).to_have_count(3)


def test_a_mentor_sees_the_own_classs_wave_only(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("maja")
    now = page.get_by_role("region", name="Klassen just nu")
    expect(now.get_by_role("listitem")).to_have_count(1)
    expect(now).to_contain_text("Många i 7A är borta med giltig orsak")


def test_another_units_rektor_sees_that_units(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("rut")
    now = page.get_by_role("region", name="Skolan just nu")
    expect(now.get_by_role("listitem")).to_have_count(1)
    expect(now).to_contain_text("Många på skolan är borta med giltig orsak: 41 av 212 i går")


def test_where_nothing_is_told_it_takes_no_room(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("elias")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tisdag 24 november")
    expect(page.get_by_text("just nu")).to_have_count(0)


def test_the_case_says_why_and_what_was_corrected(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("karin")
    page.get_by_role("link", name="Alva Exempelsson").click()
    lead = page.get_by_role("region", name="Långvarig frånvaro")
    expect(lead).to_contain_text("8 skoldagar i rad, 12–23 november 2026")
    expect(lead).to_contain_text("94 %")
    strip = page.get_by_role("table", name="En kolumn per vecka")
    expect(strip.get_by_role("cell", name="fre 20 nov: frånvarande hela dagen")).to_have_count(1)
    expect(strip.get_by_role("cell", name="ons 30 sep: inget rapporterat")).to_have_count(1)
    expect(strip.get_by_role("cell", name="tis 3 nov: ledig dag")).to_have_count(1)
    lessons = page.get_by_role("region", name="Lektionerna bakom varningen 40")
    expect(lessons.get_by_role("row", name="mån 23 nov")).to_contain_text("08.10 Matematik")
    warnings = page.get_by_role("region", name="Alla varningar i ärendet 2")
    expect(warnings.get_by_role("row", name="Ströfrånvaro")).to_contain_text("Återtagen")
    history = page.get_by_role("region", name="Historik")
    expect(history).to_contain_text("en rättelse tog bort grunden")
    expect(history).to_contain_text("upptrappad till nivå 2")
    expect(history.locator("del").first).to_be_visible()


def test_each_family_of_warning_shows_its_figures_and_lessons(
    sign_in: Callable[[str], Page],
) -> None:
    page = sign_in("karin")
    page.get_by_role("region", name="Nya 2").get_by_role("link", name="Dino Testberg").click()
    lead = page.get_by_role("region", name="Ströfrånvaro")
    expect(lead).to_contain_text("Borta vid 6 tillfällen på 5 olika dagar")
    expect(lead).to_contain_text("Rapporteringsgrad")
    today = page.get_by_role("region", name="Ogiltig frånvaro")
    expect(today).to_contain_text("Oförklarat borta 2 lektioner, 120 minuter")
    expect(today).to_contain_text("Gäller 24 november 2026.")
    expect(today.get_by_role("row", name="tis 24 nov")).to_be_hidden()
    today.get_by_text("Visa lektionerna (2)").click()
    expect(today.get_by_role("row", name="tis 24 nov")).to_contain_text("08.10 Matematik")


def test_acknowledge_comment_and_close(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("karin")
    page.get_by_role("link", name="Bo Låtsasson").click()
    page.get_by_role("button", name="Ta emot ärendet").click()
    expect(page.get_by_text("Mottaget")).to_be_visible()
    expect(page.get_by_role("button", name="Ta emot ärendet")).to_have_count(0)
    page.get_by_label("Ny anteckning").fill("Talade med Bo & hans mamma.\n<b>Möte</b> på torsdag.")
    page.get_by_role("button", name="Spara anteckningen").click()
    note = page.get_by_role("article")
    expect(note).to_contain_text("Karin Testsson")
    expect(note).to_contain_text("<b>Möte</b> på torsdag.")
    page.get_by_role("link", name="Avsluta ärendet").first.click()
    page.get_by_label("Skäl").select_option("Annat skäl")
    page.get_by_role("button", name="Spara").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Skriv vad skälet är")
    page.get_by_label("Kommentar").fill("Bytte idrottsgrupp, det löste sig.")
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_text("Bytte idrottsgrupp, det löste sig.").first).to_be_visible()
    page.get_by_role("link", name="Ärenden").click()
    page.get_by_role("link", name="Avslutade").click()
    expect(page.get_by_role("row", name="Bo Låtsasson")).to_contain_text("Avslutat")
    page.get_by_role("link", name="Idag").first.click()
    expect(page.get_by_role("link", name="Bo Låtsasson")).to_have_count(0)


def test_two_people_at_once(sign_in: Callable[[str], Page]) -> None:
    first, second = sign_in("karin"), None
    first.get_by_role("link", name="Cilla Provdotter").click()
    second = first.context.new_page()
    second.goto(first.url)
    for page in (first, second):
        page.get_by_role("link", name="Ta ställning till ändringen").first.click()
    second.get_by_label("Ärendet fortsätter som förut").check()
    second.get_by_role("button", name="Spara").click()
    expect(second.get_by_role("heading", level=1)).to_contain_text("Ställningstagande")
    first.get_by_label("Underlaget är fel och ska rättas").check()
    first.get_by_label("Motivering").fill("Måndagen var en studiedag.")
    first.get_by_role("button", name="Spara").click()
    expect(first.get_by_role("alert")).to_contain_text("Ingen varning har ändrats sedan")
    # Nothing written is lost.
    expect(first.get_by_label("Motivering")).to_have_value("Måndagen var en studiedag.")
    expect(first.get_by_label("Underlaget är fel och ska rättas")).to_be_checked()


def test_ring_home(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("karin")
    page.get_by_role("link", name="Hugo Övningsson").click()
    expect(page.get_by_text("Eleven är myndig och informeras själv.")).to_be_visible()
    expect(page.get_by_role("link", name="070-000 00 01")).to_have_attribute(
        "href", "tel:070-0000001"
    )
    page.get_by_label("Ingen svarade, jag har försökt").check()
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_role("region", name="Ring hem 2")).to_contain_text("1 försök")
    page.get_by_role("link", name="Hugo Övningsson").click()
    page.get_by_label("Den myndiga eleven är informerad").check()
    page.get_by_role("button", name="Spara").click()
    ring = page.get_by_role("region", name="Ring hem 1")
    expect(ring).to_contain_text("Dino Testberg")
    expect(ring).not_to_contain_text("Hugo")


def test_a_protected_pupil_is_a_number_to_others(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("elias")
    expect(page.get_by_role("link", name="Skyddade personuppgifter").first).to_be_visible()
    expect(page.get_by_text("Dino")).to_have_count(0)
    page.get_by_role("region", name="Nya").get_by_role("link", name="Skyddade").click()
    assert heading(page) == "Du kan inte öppna det här"
    expect(page.get_by_text("Bara den som har ärendet och rektorn")).to_be_visible()


def test_another_schools_people_see_nothing_of_it(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("olle")
    expect(page.get_by_text("Inga öppna ärenden")).to_be_visible()
    assert page.goto(page.url + "arenden/F-2026-00001") is not None
    assert heading(page) == "Det finns inte här"


def test_signing_out(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("rolf")
    page.get_by_role("button", name="Logga ut").click()
    expect(page.get_by_role("status")).to_have_text("Du är utloggad.")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Logga in")


def test_wrong_password(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("finns-inte")
    expect(page.get_by_role("alert")).to_have_text("Användarnamnet eller lösenordet stämmer inte.")
    expect(page.get_by_label("Användarnamn")).to_have_value("finns-inte")


def test_the_keyboard_reaches_everything_in_order(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("rolf")
    expect(page.locator("h1")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_text("Till innehållet")
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.url.endswith("#innehall")
    page.keyboard.press("Tab")
    expect(page.locator("main :focus")).to_have_count(1)


def test_demo_counts_what_happens(sign_in: Callable[[str], Page], url: str) -> None:
    page = sign_in("finns-inte")
    page.goto(f"{url}/demo")
    expect(page.get_by_text("ärenden har öppnats för närvaroansvariga")).to_be_visible()
    # Same-day absence opens no case and is counted apart.
    assert page.locator(".flow-n").nth(1).inner_text() == "5"
    expect(page.get_by_text("varningar har utlösts")).to_contain_text(
        re.compile(r"dessutom ogiltig frånvaro [4-9] gånger")
    )
    latest = page.get_by_role("region", name="Senaste varningarna")
    expect(latest).to_contain_text("F-2026-00003")
    expect(latest).to_contain_text("upptrappad, nivå 2")
    expect(latest).to_contain_text("återtagen efter en rättelse")
    for name in ("Exempelsson", "Alva"):
        assert name not in page.content()
    # Classes and schools stand with the demo's people, never with what happened to a pupil.
    for name in ("7A", "Björkskolan"):
        assert name not in latest.inner_html()
    # It reloads by itself, without a script.
    assert '<meta http-equiv="refresh" content="2">' in page.request.get(f"{url}/demo").text()


def test_pages_hold_what_wcag_asks_for_at_both_sizes(
    sign_in: Callable[[str], Page], url: str
) -> None:
    page = sign_in("rolf")
    case = page.get_by_role("link", name="Alva Exempelsson").get_attribute("href")
    call = page.get_by_role("link", name="Dino Testberg").first.get_attribute("href")
    for path in ("/", "/?visa=alla", "/arenden", case, call, "/demo", "/finns-inte"):
        page.goto(f"{url}{path}")
        assert at_both_sizes(page) == {}, path
    page.get_by_role("link", name="Till första sidan").click()
    page.get_by_role("button", name="Logga ut").click()
    expect(page.get_by_role("status")).to_have_text("Du är utloggad.")
    assert at_both_sizes(page) == {}


def test_each_part_of_the_list_has_a_page_at_both_sizes(
    sign_in: Callable[[str], Page], url: str
) -> None:
    page = sign_in("rolf")
    for part in PARTS.values():
        for query in ("visa=mina", "visa=alla", "visa=alla&fran=50"):
            path = f"/idag/{part.path}?{query}"
            page.goto(f"{url}{path}")
            expect(page.get_by_role("heading", level=1)).to_contain_text(part.title)
            assert at_both_sizes(page) == {}, path


def test_print_leaves_out_what_paper_cannot_do(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("rolf")
    page.get_by_role("link", name="Alva Exempelsson").click()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Logga ut")).to_be_hidden()
    expect(page.get_by_role("button", name="Ta emot ärendet")).to_be_hidden()
    expect(page.get_by_role("heading", name="Historik")).to_be_visible()


def test_the_audit_finds_what_is_wrong(context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content(
        """<!doctype html><html lang="en"><title>x</title><body><h1>A</h1><h3>C</h3>
        <input><a href="/x"></a><p style="color:#999;background:#fff">grått</p>
        <div id="a"></div><div id="a"></div><button style="width:9px;height:9px;padding:0">
        x</button><nav></nav><table><tr><td>x</td></tr></table></body></html>"""
    )
    found = {finding.partition(":")[0] for finding in findings(page)}
    assert found >= {
        "language",
        "title",
        "one main",
        "landmarks",
        "heading level",
        "no label",
        "no name",
        "id twice",
        "unnamed region",
        "small target",
        "contrast",
        "table without column headers",
    }
