"""The explorer's page: what it answers, and in a real browser where Chromium is installed."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import stripes
from commands import ENVIRONMENT
from fakes import png
from PIL import Image

gradio = pytest.importorskip("gradio")

from cdae_jax.explorer import page as module  # noqa: E402

PORT = 7871
NOTHING = (1.0, 4, "ddim", False, False, False)  # settings and ticks, without the sliders


@pytest.fixture
def page():
    return module.Page(stripes.OfTheTruth(), stripes.world(), "stripes")


def shown(picture):
    """The grey levels of the stripes of a picture on the page."""
    pixels = np.asarray(picture)
    return pixels[0, np.array([1, 3, 5]) * pixels.shape[1] // 6].tolist()


def test_an_answer_is_the_counterfactual_beside_the_truth(page):
    scene = page.first_scene()
    a, b, c = scene.labels
    *pictures, graph, text = page.answer(scene, 1.0, 4, "ddim", True, False, False, 50, 0, 0)
    assert [shown(picture) for picture in pictures[:3]] == [[a, b, c], [50, b - a + 50, c], [50, b - a + 50, c]]
    assert shown(pictures[3])[2] == 128 != shown(pictures[3])[0]
    assert text == "**test image 0** under do(a = 50)" and np.asarray(graph).ndim == 3
    half = page.answer(scene, 0.5, 4, "ddim", True, False, False, a + 20, 0, 0)
    assert shown(half[1])[0] == a + 10
    far = page.answer(scene, 1.0, 4, "ddim", False, False, True, 0, 0, 210)[-1]
    assert "c = 210 lies outside the range seen in training" in far


def test_without_data_nothing_is_true(page):
    page = module.Page(page.model, None, "stripes")
    scene = page.first_scene()
    *pictures, text = page.answer(scene, 1.0, 4, "ddim", True, False, False, 50, 0, 0)
    assert shown(pictures[2]) == [255] * 3 and "The true counterfactual of this image is unknown." in text
    assert "unknown" not in page.answer(scene, *NOTHING, 0, 0, 0)[-1]


def test_the_model_of_the_package_has_no_test_images(monkeypatch):
    """As docs/use.md has it: `cdae explore --workdir=pendulum`."""
    served = []
    monkeypatch.setattr(module, "serve", lambda page, host, port, *, block: served.append(page))
    monkeypatch.setattr(module.Page, "warm_up", lambda page: (1.0, 1.0))
    module.explore("pendulum")
    assert served[0].dataset is None and served[0].names == ("angle", "light", "length", "position")


def test_a_new_scene_unticks_all_and_puts_the_sliders_where_the_model_reads(page):
    for row, found in ((3, page.pick(3)), (0, page.pick(None)), (0, page.pick(-5)), (199, page.pick(10_000))):
        scene, *values = found
        assert scene.title == f"test image {row}"
        assert values == [False] * 3 + page.dataset.test.labels[row].tolist()
    assert {page.random()[0].title for _ in range(9)} != {page.random()[0].title}
    assert page.sample()[0].title.startswith("sampled with seed ")


def test_what_is_refused_leaves_the_page_as_it_is(page, monkeypatch):
    said = []
    monkeypatch.setattr(gradio, "Warning", lambda message, **_: said.append(message))
    scene, unchanged = page.first_scene(), gradio.skip()
    assert page.upload(b"import os") == [unchanged] * 7
    assert page.answer(scene, 1.0, 0, "ddim", *[False] * 3, *[0] * 3) == [unchanged] * 6
    assert page.sweep(scene, "a", 1.0, 0, "ddim", *[False] * 3, *[0] * 3) == [unchanged] * 2
    assert "no readable PNG" in said[0] and said[1] == said[2] and "num_steps is 0" in said[1]


def test_a_sweep_is_a_strip_of_pictures_across_the_range(page):
    picture, text = page.sweep(page.first_scene(), "a", *NOTHING, 0, 0, 0)
    side, height = 18 * (128 // 18), np.asarray(picture).shape[0]
    first = np.asarray(picture)[0, 1 :: side + 4]
    assert height == side and np.asarray(picture).shape[1] == 8 * (side + 4)
    np.testing.assert_allclose(first, np.linspace(20, 200, 8), atol=0.5)
    assert text.startswith("a = 20, 45.7,") and text.endswith("200 mm")


def test_equal_pictures_of_two_users_are_two_files(page):
    """Gradio writes a file of known content anew in place, under the eyes of the user who is fetching it."""
    place = gradio.Image(format="png")
    first, second = (page.answer(page.first_scene(), *NOTHING, 0, 0, 0)[:5] for _ in range(2))
    swept = [page.sweep(page.first_scene(), "b", *NOTHING, 0, 0, 0)[0] for _ in range(2)]
    for one, other in [*zip(first, second, strict=True), swept]:
        files = [pathlib.Path(place.postprocess(picture).path) for picture in (one, other)]
        assert files[0] != files[1]
        np.testing.assert_array_equal(*[np.asarray(Image.open(file)) for file in files])


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {condition}")


def answers(url):
    try:
        with urllib.request.urlopen(url):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def address(trained_pendulum):
    """A running server, started by the command, where a proxy is set and Gradio's folder cannot be written."""
    pytest.importorskip("gradio")
    flags = (f"--workdir={os.environ.get('EXPLORER_WORKDIR', trained_pendulum)}", f"--port={PORT}")
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "experiments.explore", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT | {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "GRADIO_TEMP_DIR": "/proc/none"},
    )
    try:
        lines = iter(server.stdout.readline, "")
        assert any("ready after" in line for line in lines)
        url = f"http://127.0.0.1:{PORT}"
        wait_for(lambda: answers(url))  # the server prints that it is ready just before it listens
        yield url
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


@pytest.fixture
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1400,1300",
    ):
        options.add_argument(flag)
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    found.set_page_load_timeout(120)
    yield found
    found.quit()


def test_eight_users_at_once_are_all_answered(address):
    client = pytest.importorskip("gradio_client").Client

    def ask(angle):
        """Moves a slider twice, impatiently, and waits for both answers."""
        user = client(address, verbose=False)
        asked = [(1.0, 8, "ddim", True, False, False, False, value, 90.0, 5.0, 5.0) for value in (angle, -angle)]
        return [user.submit(*values, api_name="/answer").result()[-1] for values in asked]

    with concurrent.futures.ThreadPoolExecutor(8) as users:
        answers = list(users.map(ask, map(float, range(1, 9))))
    for angle, (first, second) in enumerate(answers, 1):
        assert f"do(angle = {angle})" in first and f"do(angle = -{angle})" in second


def test_the_page_answers_in_a_browser(address, browser, tmp_path):
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def find(selector):
        try:
            return browser.find_elements(By.CSS_SELECTOR, selector)
        except WebDriverException:
            return []

    def picture(name):
        sources = [image.get_attribute("src") for image in find(f"#{name} img")]
        return sources[0] if sources else None

    def text(selector):
        return " ".join(element.text for element in find(selector))

    def set_angle(value):
        number = find("#value-angle input[type=number]")[0]
        number.send_keys(Keys.CONTROL, "a")
        number.send_keys(str(value), Keys.TAB)

    def files(name):
        path = tmp_path / name
        path.write_bytes({"notes.png": b"no picture", "long.png": png(np.zeros((1, 5000, 3), np.uint8))}[name])
        return str(path)

    browser.get(address)
    before = wait_for(lambda: picture("counterfactual"))
    wait_for(lambda: "under no intervention" in text("#message"))
    find("#do-angle input")[0].click()
    set_angle(30)
    wait_for(lambda: "do(angle = 30)" in text("#message"))
    after = wait_for(lambda: picture("counterfactual") != before and picture("counterfactual"))
    screenshot = pathlib.Path(os.environ.get("EXPLORER_SCREENSHOT", tmp_path / "explorer.png"))
    wait_for(lambda: "processing" not in text("body"))
    assert browser.save_screenshot(str(screenshot)) and screenshot.stat().st_size > 20_000
    set_angle(41)
    wait_for(lambda: "lies outside the range seen in training" in text("#message"))
    assert picture("counterfactual") != after
    for name, message in (("notes.png", "no readable PNG or JPEG image"), ("long.png", "upload at most 4096 a side")):
        find("#upload-holder input[type=file], input[type=file]")[0].send_keys(files(name))
        wait_for(lambda message=message: re.search(message, browser.page_source))
