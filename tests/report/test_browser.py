"""The page in a real Chromium: opened from disk, searched, sorted, clicked, driven by keys."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

import browser
import reportsets
from streamcalib import Recipe, report

pytestmark = pytest.mark.browser

NAMES = ["zebra.png", "ant.png", "bee.png", "cow.png", "dog <b>&amp;.png", "elk.png"]
# From dark to bright: cow, ant, zebra, elk, dog, bee.
LEVELS = {"cow": 10, "ant": 40, "zebra": 80, "elk": 120, "dog <b>&amp;": 160, "bee": 245}


def pictures() -> dict[str, np.ndarray]:
    made = {}
    for number, name in enumerate(NAMES):
        picture = reportsets.soft(number, 24 + 2 * number, 32)
        shift = LEVELS[name.removesuffix(".png")] - picture.mean()
        made[name] = np.clip(picture * 0.2 + shift + picture.mean() * 0.8, 0, 255).astype(np.uint8)
    return made


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    profile = tmp_path_factory.mktemp("profile")
    with browser.chromium(profile) as driver:
        yield driver
    shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page of six rows, one of them damaged, in a file whose name is odd."""
    folder = tmp_path_factory.mktemp("small")
    calibration = reportsets.built(folder, pictures())
    reportsets.damage(calibration, NAMES.index("elk.png"))
    return report(calibration, folder / "a page #1 %41.html").path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A page of 250 rows."""
    folder = tmp_path_factory.mktemp("large")
    given = {f"{number:04d}.png": reportsets.soft(number) for number in range(250)}
    return report(reportsets.built(folder, given), folder / "page.html").path


@pytest.fixture
def page(driver, small):
    """The small page, opened anew; in the end nothing was complained of, and nothing asked for."""
    opened(driver, small)
    yield driver
    settled(driver)


def opened(driver, path):
    driver.get_log("browser"), driver.get_log("performance")
    browser.resize(driver, 1280, 900)
    # Or clicks miss what a smooth scroll still moves.
    browser.prefer(driver, color_scheme="light", reduced_motion="reduce")
    driver.get(path.as_uri())


def settled(driver) -> None:
    assert driver.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in asked
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in urls if url.startswith("file:")]) == 1


def find(driver, selector: str):
    return driver.find_element("css selector", selector)


def shown(driver) -> list[str]:
    tiles = driver.find_elements("css selector", "#sheet .caption bdi")
    return [tile.text for tile in tiles]


def choose(driver, field: str, value: str) -> None:
    find(driver, f"#{field} option[value='{value}']").click()


def press(driver, *keys: str) -> None:
    from selenium.webdriver import ActionChains, Keys

    for key in keys:
        ActionChains(driver).send_keys(getattr(Keys, key, key)).perform()


def focused(driver) -> str:
    """Return the name in the tile that has the focus."""
    return driver.execute_script(
        "return document.activeElement.querySelector('.caption bdi')?.textContent ?? ''"
    )


def facts(driver) -> dict[str, str]:
    groups = driver.find_elements("css selector", "#dialog-facts > div")
    return dict(
        tuple(group.find_element("css selector", tag).text for tag in ("dt", "dd"))
        for group in groups
    )


def test_the_page_opens_from_disk(page):
    """All rows are there in their order, every picture is one, and the count is said."""
    assert page.title == "s.npy: calibration set"
    assert shown(page) == NAMES
    assert find(page, "#count").text == "6 rows"
    sizes = page.execute_script(
        "return [...document.querySelectorAll('#sheet img')]"
        ".map((image) => [image.complete, image.naturalWidth])"
    )
    assert sizes == [[True, 32]] * 5
    assert find(page, "#sheet .broken").text == "damaged"


def test_names_are_searched(page):
    """Whatever their case; what remains is counted, and nothing found is said."""
    search = find(page, "#search")
    search.send_keys("E")
    assert shown(page) == ["zebra.png", "bee.png", "elk.png"]
    search.send_keys("E")
    assert shown(page) == ["bee.png"]
    assert find(page, "#count").text == "1 row of 6"
    search.send_keys("<")
    assert shown(page) == []
    assert find(page, "#count").text == "0 rows of 6"
    search.clear()
    search.send_keys("<b>&amp")
    assert shown(page) == ["dog <b>&amp;.png"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("name", ["ant", "bee", "cow", "dog <b>&amp;", "elk", "zebra"]),
        ("brightness", ["cow", "ant", "zebra", "dog <b>&amp;", "bee", "elk"]),
        ("pixels", ["zebra", "ant", "bee", "cow", "dog <b>&amp;", "elk"]),
        ("aspect", ["elk", "dog <b>&amp;", "cow", "bee", "ant", "zebra"]),
        ("padding", ["dog <b>&amp;", "cow", "elk", "bee", "ant", "zebra"]),
    ],
)
def test_rows_are_sorted(page, key, expected):
    """Each way and back; what is not known of a damaged row stands last either way."""
    choose(page, "sort", key)
    assert [name.removesuffix(".png") for name in shown(page)] == expected
    choose(page, "order", "-1")
    back = [name.removesuffix(".png") for name in shown(page)]
    if key == "brightness":
        assert back == [*expected[:-1][::-1], "elk"]
    elif key == "padding":
        # Equal ones stay in the order of their rows.
        assert back == ["zebra", "ant", "bee", "cow", "elk", "dog <b>&amp;"]
    else:
        assert back == expected[::-1]


def test_marked_rows_are_found(page):
    """Each mark that some row bears can be chosen."""
    choose(page, "mark", "bright")
    assert shown(page) == ["bee.png"]
    choose(page, "mark", "damaged")
    assert shown(page) == ["elk.png"]


def test_a_click_shows_a_row_and_its_source(page):
    """Picture, size, path, checksum; the dialog goes on to the next, and closes."""
    page.find_elements("css selector", ".tile")[4].click()
    assert find(page, "#dialog-name").text == "dog <b>&amp;.png"
    told = facts(page)
    assert told["Row"] == "4"
    assert told["Image"].endswith("/images/dog <b>&amp;.png")
    assert told["Size"].startswith("32 x 32 pixels, ")
    assert told["Padding"] == "0.0%: 0 above, 0 below, 0 left, 0 right"
    assert len(told["CRC-32C of the canvas"]) == 8
    assert 155 < float(told["Mean brightness"].split()[0]) < 165
    assert find(page, "#dialog-picture").get_attribute("alt") == "dog <b>&amp;.png, row 4"
    assert find(page, "#dialog-place").text == "5 of 6"
    find(page, "#next").click()
    assert find(page, "#dialog-name").text == "elk.png"
    assert "CRC-32C" in facts(page)["Damage"]
    assert not find(page, "#dialog-picture").is_displayed()
    assert find(page, "#dialog-broken").is_displayed()
    assert not find(page, "#next").is_enabled()
    find(page, "#close").click()
    assert not find(page, "#dialog").is_displayed()


def test_everything_can_be_done_with_keys(page):
    """One tab stop for the sheet, arrows within, Enter opens, arrows go on, Escape closes."""
    page.execute_script("document.getElementById('mark').focus()")
    press(page, "TAB")
    assert focused(page) == "zebra.png"
    press(page, "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_LEFT")
    assert focused(page) == "ant.png"
    press(page, "END")
    assert focused(page) == "elk.png"
    press(page, "ARROW_RIGHT")
    assert focused(page) == "elk.png"
    press(page, "HOME", "ENTER")
    assert find(page, "#dialog-name").text == "zebra.png"
    press(page, "ARROW_LEFT")
    assert find(page, "#dialog-name").text == "zebra.png"
    press(page, "ARROW_RIGHT", "ARROW_RIGHT")
    assert find(page, "#dialog-name").text == "bee.png"
    press(page, "ESCAPE")
    assert not find(page, "#dialog").is_displayed()
    assert focused(page) == "bee.png"
    stops = page.execute_script("return document.querySelectorAll('.tile[tabindex=\"0\"]').length")
    assert stops == 1


def test_arrows_move_between_the_lines_of_the_sheet(driver, large):
    """Down is the tile below, up is back; and sorting keeps one tab stop."""
    opened(driver, large)
    columns = driver.execute_script(
        "return getComputedStyle(document.getElementById('sheet')).gridTemplateColumns"
    ).count("px")
    assert columns > 3
    driver.execute_script("document.querySelector('.tile').focus()")
    press(driver, "ARROW_DOWN")
    assert focused(driver) == f"{columns:04d}.png"
    press(driver, "ARROW_DOWN", "ARROW_UP", "ARROW_UP")
    assert focused(driver) == "0000.png"
    settled(driver)


def test_many_rows_come_in_parts(driver, large):
    """120 at a time; the key for the end brings them all, and a search looks at all."""
    opened(driver, large)
    assert len(shown(driver)) == 120
    assert find(driver, "#count").text == "250 rows, the first 120 shown"
    find(driver, "#more").click()
    assert len(shown(driver)) == 240
    assert focused(driver) == "0120.png"
    press(driver, "END")
    assert focused(driver) == "0249.png"
    assert not find(driver, "#more").is_displayed()
    find(driver, "#search").send_keys("0249")
    assert shown(driver) == ["0249.png"]
    settled(driver)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("with_dialog", [False, True], ids=["page", "dialog"])
def test_nothing_stands_in_a_persons_way(page, scheme, width, with_dialog):
    """axe finds nothing, contrast included; and nothing is wider than a narrow screen."""
    browser.prefer(page, color_scheme=scheme, reduced_motion="reduce")
    browser.resize(page, width, 800)
    page.execute_script("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    if with_dialog:
        page.execute_script("document.querySelectorAll('.tile')[5].click()")
    page.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text())
    found = page.execute_async_script(
        "axe.run({ resultTypes: ['violations'] }).then(arguments[arguments.length - 1])"
    )
    assert [(one["id"], [n["html"] for n in one["nodes"]]) for one in found["violations"]] == []
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 128 * 3) == (scheme == "dark")


def test_motion_stops_where_that_is_wanted(page):
    """Scrolling is smooth, unless a person prefers less motion."""
    ask = "return getComputedStyle(document.documentElement).scrollBehavior"
    browser.prefer(page, reduced_motion="no-preference")
    assert page.execute_script(ask) == "smooth"
    browser.prefer(page, reduced_motion="reduce")
    assert page.execute_script(ask) == "auto"


def colour(driver) -> list[int]:
    """Return the colour of the first picture as it is seen, from a screenshot of it."""
    import cv2

    data = find(driver, "#sheet img").screenshot_as_png
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return image[image.shape[0] // 2, image.shape[1] // 2, ::-1].tolist()


def test_a_set_in_bgr_can_be_seen_as_a_network_in_rgb_would(driver, tmp_path):
    """A red picture is red, and blue once its planes are taken for red, green, blue."""
    recipe = replace(Recipe.yolo11(32), channel_order="BGR")
    red = {"red.png": reportsets.plain(32, 32, (20, 30, 220))}
    opened(driver, report(reportsets.built(tmp_path, red, recipe=recipe), tmp_path / "p.html").path)
    assert colour(driver) == pytest.approx([220, 30, 20], abs=8)
    find(driver, "#planes").click()
    assert colour(driver) == pytest.approx([20, 30, 220], abs=8)
    settled(driver)


def test_names_that_are_programs_are_not_run(driver, tmp_path):
    """Nothing of a name is done, and nothing is complained of."""
    names = [
        "<img src=x onerror=document.title='owned'>.png",
        "'\"><svg onload=document.title='owned'>.png",
        "<\u2215script><script>document.title='owned'<\u2215script>.png",
    ]
    given = {name: reportsets.soft(number) for number, name in enumerate(names)}
    opened(driver, report(reportsets.built(tmp_path, given), tmp_path / "p.html").path)
    assert shown(driver) == names
    for place in range(3):
        driver.execute_script(f"document.querySelectorAll('.tile')[{place}].click()")
        assert find(driver, "#dialog-name").text == names[place]
        press(driver, "ESCAPE")
    assert driver.title == "s.npy: calibration set"
    settled(driver)
