"""The report in a real browser: sorted, opened, by keyboard, and no wider than a telephone."""

import shutil

import pytest
from report_records import HOSTILE, hostile_study

from bench.reporting.report.contents import gather
from bench.reporting.report.page import render

WIDTHS = (390, 1280)
FIRST_TABLE = "#tables table.sortable"
PARTS = ("thead", "thead button", "tfoot")
TOO_WIDE = """
    const edge = document.documentElement.clientWidth + 1;
    return [...document.querySelectorAll("main *, header *")]
        .filter((part) => !part.closest(".scroll") && part.getBoundingClientRect().right > edge)
        .map((part) => part.outerHTML);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of a page with a method whose name would run if it were not text."""
    root = tmp_path_factory.mktemp("browsed")
    text = render(gather(hostile_study(root / "records"), only=()))
    (root / "report.html").write_text(text)
    return (root / "report.html").as_uri()


@pytest.fixture(scope="module")
def judged(published_contents, tmp_path_factory):
    """The address of a page with published numbers and verdicts: the widest tables."""
    root = tmp_path_factory.mktemp("judged")
    (root / "report.html").write_text(render(published_contents))
    return (root / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, which notes whatever a page complains of."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if None in programs:
        pytest.skip("no chromium and chromedriver here (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """Loads the page anew at a width."""

    def load(width, address=page):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        browser.get(address)
        return browser

    return load


def column(browser, place):
    """The texts of a column of the first table, in the order shown."""
    table = browser.find_element("css selector", FIRST_TABLE)
    rows = table.find_elements("css selector", "tbody tr")
    return [row.find_elements("css selector", "th, td")[place].text for row in rows]


def numbers(texts):
    return [float(text.split()[0]) for text in texts if text[0].isdigit()]


def press(browser, selector, key):
    """A key on a focused element, as somebody without a mouse would."""
    browser.execute_script("document.querySelector(arguments[0]).focus()", selector)
    browser.switch_to.active_element.send_keys(key)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_even_with_all_cells_open(opened, width):
    browser = opened(width)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => d.open = true)")
    root = browser.find_element("css selector", "html")
    assert int(root.get_property("scrollWidth")) <= int(root.get_property("clientWidth")) <= width
    assert browser.execute_script(TOO_WIDE) == []


def test_a_head_sorts_its_column_down_up_and_back(opened):
    browser = opened(1280)
    head = browser.find_elements("css selector", f"{FIRST_TABLE} thead button")[1]
    printed = column(browser, 1)
    orders = []
    for expected in ("descending", "ascending", "none"):
        head.click()
        assert head.find_element("xpath", "..").get_attribute("aria-sort") == expected
        orders.append(column(browser, 1))
    down, up, back = orders
    assert numbers(down) == sorted(numbers(printed), reverse=True) != numbers(printed)
    assert numbers(up) == sorted(numbers(printed))
    assert down[-1] == up[-1] == "not run"
    assert back == printed


def opened_cells(browser):
    """The open cells as soon as there is one: following a link is not over when the key is up."""
    support = pytest.importorskip("selenium.webdriver.support.ui")
    where = ("css selector", "details.cell[open]")
    return support.WebDriverWait(browser, 20).until(lambda page: page.find_elements(*where))


def test_the_keyboard_sorts_and_opens_a_cell_and_comes_back(opened):
    browser = opened(390)
    printed = column(browser, 0)
    press(browser, f"{FIRST_TABLE} thead button", "\ue007")
    assert column(browser, 0) == sorted(printed) != printed
    press(browser, f"{FIRST_TABLE} tbody a", "\ue007")
    (cell,) = opened_cells(browser)
    assert browser.switch_to.active_element == cell.find_element("css selector", "summary")
    assert cell.find_elements("css selector", "polyline")
    press(browser, "details.cell[open] a.back", "\ue007")
    came = browser.find_element("css selector", f"{FIRST_TABLE} tbody a")
    assert browser.switch_to.active_element == came


def test_a_click_opens_the_cell_that_it_names_and_no_other(opened):
    browser = opened(1280)
    link = browser.find_element("xpath", "(//*[@id='tables']//tr[th='ResNet50']//td/a)[2]")
    text = link.text
    link.click()
    (cell,) = opened_cells(browser)
    assert cell.text.startswith("ResNet50") and "on eyeq-twin at 70% low quality" in cell.text
    assert f"(n={len(cell.find_elements('css selector', 'tbody tr'))})" in text
    assert 0 <= cell.rect["y"] - browser.execute_script("return scrollY") < 900


def test_the_hostile_name_is_read_and_the_console_stays_empty(opened):
    browser = opened(1280)
    assert HOSTILE in "".join(column(browser, 0))
    assert browser.get_log("browser") == []


def test_paper_has_the_tables_and_not_what_is_closed(opened):
    browser = opened(1280)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert browser.execute_script(shown, "nav") == "none"
    assert browser.execute_script(shown, "details.cell") == "none"
    assert browser.execute_script(shown, FIRST_TABLE) == "table"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("width", WIDTHS)
def test_verdicts_fit_the_window_or_their_own_scrolling_box(opened, judged, width):
    browser = opened(width, judged)
    root = browser.find_element("css selector", "html")
    assert int(root.get_property("scrollWidth")) <= width
    assert browser.execute_script(TOO_WIDE) == []
    cut = """return [...document.querySelectorAll("#tables .scroll")]
        .filter((box) => box.scrollWidth > box.clientWidth).length"""
    assert (browser.execute_script(cut) == 0) == (width == 1280)
    assert browser.get_log("browser") == []


def test_a_column_of_verdicts_sorts_by_the_alphabet(opened, judged):
    browser = opened(1280, judged)
    browser.find_elements("css selector", f"{FIRST_TABLE} thead button")[3].click()
    texts = column(browser, 3)
    assert texts.count("") == 1
    assert {"EQUIVALENT\nCLOSE", "both DIFFERENT", "NOT RUN"} < set(texts)
    assert texts == sorted(texts)


def test_paper_opens_the_notes_and_closes_them_again(opened):
    browser = opened(1280)
    count = "return document.querySelectorAll(arguments[0]).length"
    closed = "details:not(.cell):not([open])"
    before = browser.execute_script(count, closed)
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(count, closed) == 0 < before
    assert browser.execute_script(count, "details.cell[open]") == 0
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(count, closed) == before


def test_heads_are_repeated_on_paper_and_feet_are_not(opened):
    """A button in a repeated head is not painted, so on paper the head's text is no button's."""
    browser = opened(1280)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    found = [browser.execute_script(shown, f"{FIRST_TABLE} {part}") for part in PARTS]
    assert found == ["table-header-group", "contents", "table-row-group"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_claim_leads_to_its_comparisons_by_keyboard(opened):
    browser = opened(1280)
    press(browser, "#claims tbody a", "\ue007")
    support = pytest.importorskip("selenium.webdriver.support.ui")
    where = ("css selector", "#claims details[open]")
    (found,) = support.WebDriverWait(browser, 20).until(lambda page: page.find_elements(*where))
    name = browser.find_element("css selector", "#claims tbody a").text
    assert found.find_element("css selector", "summary").text == f"{name}: each comparison"
    assert browser.switch_to.active_element == found.find_element("css selector", "summary")


def test_every_picture_has_words_and_every_scrolling_box_a_name(opened):
    browser = opened(1280)
    silent = """return [...document.querySelectorAll("img, [role=img], [role=region]")].filter(
        (part) => !(part.getAttribute("alt") || part.getAttribute("aria-label"))).length"""
    assert browser.execute_script(silent) == 0
