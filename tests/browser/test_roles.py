"""The pages of those who begin with figures, read with a reason, or see no pupil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.audit import at_both_sizes
from tests.integration.cases.process import CasesProcess
from tests.integration.cases.world import A, give_duty, hire
from tests.integration.cases.world import run as in_thread

REASON = "Jag vikarierar på skolan i dag och möter eleven."


async def _hire(admin_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    try:
        for login, given, role, where in (
            ("ove", "Ove", "area_manager", "area"),
            ("nils", "Nils", "board", "all"),
            ("disa", "Disa", "operations", "all"),
            ("tea", "Tea", "team_leader", "area"),
            ("siv", "Siv", "compulsory_officer", "all"),
        ):
            await hire(admin, A, login, given, "Provsson")
            await give_duty(admin, A, login, role, where)
    finally:
        await admin.close()


@pytest.fixture(scope="module", autouse=True)
def _people(site: tuple[CasesProcess, str]) -> None:
    in_thread(_hire(site[1]))


def test_the_sign_in_page_is_calm_and_accessible(
    context: BrowserContext, url: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Logga in")
    page.screenshot(path=pictures / "role-sign-in.png", full_page=True)
    page.get_by_label("Användarnamn").fill("karin")
    page.get_by_label("Lösenord").fill("fel")
    page.get_by_role("button", name="Logga in").click()
    expect(page.get_by_role("alert")).to_contain_text("stämmer inte")
    expect(page.get_by_label("Användarnamn")).to_have_value("karin")


def test_an_area_manager_goes_from_figures_to_one_case_with_a_reason(
    sign_in: Callable[[str], Page], pictures: Path
) -> None:
    page = sign_in("ove")
    expect(page.get_by_role("heading", level=1)).to_have_text("Översikt")
    page.screenshot(path=pictures / "role-figures.png", full_page=True)
    for name in ("Alva", "Bo Låtsasson", "Cilla"):
        expect(page.get_by_text(name)).to_have_count(0)
    page.get_by_role("link", name="Ärendenummer på Björkskolan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Björkskolan")
    page.screenshot(path=pictures / "role-figures-unit.png", full_page=True)
    page.get_by_role("link", name="Öppna med skäl").first.click()
    page.screenshot(path=pictures / "role-open.png", full_page=True)
    page.get_by_label("Varför behöver du läsa det?").fill("kort")
    page.get_by_role("button", name="Öppna i en timme").click()
    expect(page.get_by_role("alert")).to_contain_text("Skriv varför")
    page.get_by_label("Varför behöver du läsa det?").fill(REASON)
    page.get_by_role("button", name="Öppna i en timme").click()
    expect(page.get_by_text("Du läser med särskilt skäl")).to_be_visible()
    expect(page.get_by_role("button", name="Spara anteckningen")).to_have_count(0)
    page.screenshot(path=pictures / "role-opened-case.png", full_page=True)


def test_the_rektor_is_told_who_has_read(
    sign_in: Callable[[str], Page], context: BrowserContext, url: str, pictures: Path
) -> None:
    page = sign_in("olle")
    page.goto(f"{url}/oppna")
    page.get_by_label("Ärendets nummer").fill("F-2026-00003")
    page.get_by_label("Varför behöver du läsa det?").fill(REASON)
    page.get_by_role("button", name="Öppna i en timme").click()
    expect(page.get_by_text("Du läser med särskilt skäl")).to_be_visible()
    page.get_by_role("button", name="Logga ut").click()
    page = sign_in("rolf")
    told = page.get_by_role("region", name="Lästa med särskilt skäl")
    expect(told).to_contain_text(REASON)
    expect(told).to_contain_text("Olle Påhitt")
    page.screenshot(path=pictures / "role-rektor-told.png", full_page=True)
    page.get_by_role("link", name="Läsningar").click()
    expect(page.get_by_role("row", name="F-2026-00003").first).to_contain_text("Olle Påhitt")
    page.screenshot(path=pictures / "role-openings.png", full_page=True)


def test_the_board_sees_counts_and_operations_nothing(
    sign_in: Callable[[str], Page], pictures: Path
) -> None:
    page = sign_in("nils")
    expect(page.get_by_role("heading", level=1)).to_have_text("Översikt")
    expect(page.get_by_role("link", name="Ärendenummer")).to_have_count(0)
    expect(page.get_by_text("visas inte").first).to_be_visible()
    page.get_by_role("button", name="Logga ut").click()
    page = sign_in("disa")
    expect(page.get_by_role("heading", level=1)).to_have_text("Här finns inget för dig")
    page.screenshot(path=pictures / "role-operations.png", full_page=True)


@pytest.mark.parametrize("login", ["maja", "elias", "kim", "tea", "siv"])
def test_the_first_page_of_each_other_role(
    sign_in: Callable[[str], Page], pictures: Path, login: str
) -> None:
    page = sign_in(login)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Dino Testberg")).to_have_count(0)
    page.screenshot(path=pictures / f"role-{login}.png", full_page=True)


def test_who_the_demonstration_can_be_tried_as(
    context: BrowserContext, url: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto(f"{url}/demo")
    people = page.get_by_role("region", name="Prova som")
    for role in ("Närvaroansvarig", "Områdeschef", "Nämnden", "Drift"):
        expect(people.get_by_role("row", name=role)).to_be_visible()
    page.screenshot(path=pictures / "role-demo.png", full_page=True)


@pytest.mark.parametrize(
    ("login", "paths"),
    [
        ("ove", ("/oversikt", f"/oversikt/{A.unit()}", "/oppna", "/oppnade")),
        ("rolf", ("/", "/oppnade")),
        ("disa", ("/",)),
    ],
)
def test_the_pages_hold_what_wcag_asks_for_at_both_sizes(
    sign_in: Callable[[str], Page], url: str, login: str, paths: tuple[str, ...]
) -> None:
    page = sign_in(login)
    for path in paths:
        page.goto(url + path)
        assert at_both_sizes(page) == {}, path
