"""The real service in a real Chromium, on a real broker and database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from deploy.local.kafka import KafkaServer
from tests.browser import scene
from tests.integration.cases.process import PASSWORD, CasesProcess, cases_process
from tests.integration.cases.world import TUESDAY, migrated_database, own_database
from tests.support.stack import TestPostgres

#: The browser keeps to this machine: nothing is looked up or fetched behind the test's back.
_FLAGS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]


# Long enough for a machine that does much else at the same time.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, kafka: KafkaServer, postgres: TestPostgres
) -> Iterator[tuple[CasesProcess, str]]:
    """The service with the scene told; and the superuser's DSN on its database."""
    admin, dsn = own_database(postgres, migrated_database(postgres))
    folder = tmp_path_factory.mktemp("cases")
    with cases_process(folder, kafka.bootstrap, dsn) as process:
        process.set_clock(scene.at(TUESDAY, 7, 30))
        process.start()
        scene.run(process, admin)
        yield process, admin


@pytest.fixture(autouse=True)
def _as_told(site: tuple[CasesProcess, str]) -> None:
    """Every test finds the morning as it was told, in whatever order they run."""
    scene.again(site[1])


@pytest.fixture(scope="session")
def url(site: tuple[CasesProcess, str]) -> str:
    return site[0].url


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = os.environ.get("FORVARNING_CHROMIUM") or shutil.which("chromium")
    assert executable, "Chromium is needed: apt-get install chromium, or FORVARNING_CHROMIUM=path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without any past. Scripts are off: the pages must do without."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="sv-SE",
        timezone_id="Europe/Stockholm",
        java_script_enabled=False,
        reduced_motion="reduce",
    )
    context.set_default_timeout(60_000)
    context.route("**/demo", _stand_still)
    yield context
    context.close()


def _stand_still(route: Route) -> None:
    """The demo page without its reloading, which would pull the page away under a test."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('http-equiv="refresh"', ""))


@pytest.fixture
def sign_in(context: BrowserContext, url: str) -> Callable[[str], Page]:
    """Sign in as the one with this login; returns the page they come to."""

    def signed_in(login: str) -> Page:
        page = context.new_page()
        page.goto(url)
        page.get_by_label("Användarnamn").fill(login)
        page.get_by_label("Lösenord").fill(PASSWORD)
        page.get_by_role("button", name="Logga in").click()
        return page

    return signed_in


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: docs/screenshots when they are to be taken anew, else a scratch folder."""
    if os.environ.get("FORVARNING_WRITE_SCREENSHOTS") == "1":
        return Path(__file__).resolve().parents[2] / "docs" / "screenshots"
    return tmp_path_factory.mktemp("screenshots")
