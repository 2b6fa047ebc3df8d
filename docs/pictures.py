"""Makes the pictures of the pages, of photographs that are made on the spot.

``python docs/pictures.py`` needs Chromium, chromedriver and the extra ``test``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2
import numpy as np
from selenium import webdriver

import streamcalib
from streamcalib.photographs import make_photographs

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

IMAGES = Path(__file__).parent / "images"
WIDTH, QUALITY = 1100, 80
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
NARROW = 320


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        page = make_page(Path(scratch))
        driver = open_browser(Path(scratch) / "profile")
        try:
            driver.get(page.as_uri())
            take(driver, "report-rows", "rows", 760)
            take(driver, "report-distributions", "distributions", 900, scheme="dark")
            take(driver, "report-narrow", "rows", 640, width=NARROW)
            driver.find_elements("css selector", ".tile")[4].click()
            take(driver, "report-row", None, 720)
        finally:
            driver.quit()


def make_page(folder: Path) -> Path:
    """Make photographs, a set of them, among them one twice and a black one, and its report."""
    images = folder / "images"
    images.mkdir()
    make_photographs(images, 117, 42)
    shutil.copy(images / "000000000004.jpg", images / "copy.jpg")
    black = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
    (images / "black.jpg").write_bytes(black)
    chosen = streamcalib.sample(images, 119, seed=42, relative_to=folder)
    calibration = streamcalib.build(chosen, folder / "calib_yolo11_640.npy", store="uint8")
    return streamcalib.report(calibration, folder / "report.html").path


def open_browser(profile: Path) -> Chrome:
    """Return a Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or sys.exit("needs Chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver") or sys.exit("no chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def take(
    driver: Chrome,
    name: str,
    section: str | None,
    height: int,
    *,
    width: int = WIDTH,
    scheme: str = "light",
) -> None:
    """Save what is seen of a section, or of what is open, as ``images/NAME.webp``."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": wish, "value": value} for wish, value in wishes.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    if section is not None:
        driver.execute_script("document.getElementById(arguments[0]).scrollIntoView()", section)
    shot = np.frombuffer(driver.get_screenshot_as_png(), np.uint8)
    picture = cv2.imdecode(shot, cv2.IMREAD_COLOR)
    _, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    (IMAGES / f"{name}.webp").write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
