"""The explorer: what it computes, and its page in a real browser where Chromium is installed."""

import concurrent.futures
import io
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
from commands import ENVIRONMENT, command
from PIL import Image

import cdae_jax
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.explorer import scene as explorer
from cdae_jax.plots.graphs import graph_of_values

pytestmark = pytest.mark.usefixtures("one_device_alone")

PORT = 7871


@pytest.fixture(scope="module")
def model(trained_pendulum):
    return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def dataset(model):
    return make_dataset(model.settings.data, model.settings.graph)


def png(array, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def test_an_answer_shows_the_counterfactual_and_the_rendered_truth(model, dataset):
    scene = explorer.test_scene(dataset, 3)
    found = explorer.answer(model, dataset, scene, {"angle": 20.0})
    np.testing.assert_array_equal(found.image, model.counterfactual(scene.image, {"angle": 20.0}).images[0])
    mask, values = np.zeros((1, 4), bool), np.zeros((1, 4), np.float32)
    mask[0, 0], values[0, 0] = True, 20.0
    true = dataset.render(dataset.true_counterfactual(scene.labels[None], mask, values))[0]
    np.testing.assert_array_equal(found.true, true)
    assert found.notes == [] and found.after[0] == pytest.approx(20.0, abs=0.1)


def test_values_outside_the_training_range_are_warned_about(model, dataset):
    found = explorer.answer(model, dataset, explorer.test_scene(dataset, 0), {"angle": 41.0})
    assert len(found.notes) == 1 and found.notes[0].startswith("angle = 41 lies outside the range seen in training, -")


def test_samples_and_uploads_have_no_truth(model, dataset):
    for scene in (explorer.sampled_scene(model, 1), explorer.uploaded_scene(model, png(dataset.test.images[0]))):
        assert scene.image.shape == model.image_shape and scene.labels is None
        assert explorer.answer(model, dataset, scene, {"light": 90.0}).true is None


def test_uploads_of_other_sizes_and_modes_are_brought_to_the_models(model):
    big = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    assert explorer.uploaded_scene(model, png(big)).image.shape == (16, 16, 3)
    assert explorer.uploaded_scene(model, png(big[..., 0], "JPEG")).image.shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"import os", "no readable PNG or JPEG image"),
        (b"", "no readable PNG or JPEG image"),
        (png(np.zeros((16, 16), np.uint8), "GIF"), "no readable PNG or JPEG image"),
        (png(np.zeros((64, 64), np.uint8))[:60], "no readable PNG or JPEG image"),
        (png(np.zeros((16, 20), np.uint8)), "is 20 wide and 16 high: crop it to a square"),
        (png(np.zeros((1, 5000), np.uint8)), "is 5000 x 1: upload at most 4096 a side"),
        (bytes(6 * 2**20), "has 6.0 MiB: upload one of at most 5 MiB"),
    ],
    ids=("script", "empty", "gif", "truncated", "wide", "huge", "heavy"),
)
def test_bad_uploads_explain_themselves(model, data, message):
    with pytest.raises(InputError, match=message):
        explorer.uploaded_scene(model, data)


def test_a_sweep_crosses_the_training_range(model, dataset):
    images, values = explorer.sweep(model, explorer.test_scene(dataset, 0), "light", {"angle": 10.0})
    assert images.shape == (explorer.SWEEP, 16, 16, 3)
    var = model.variables[1]
    np.testing.assert_allclose([values[0], values[-1]], [var.low, var.high])


def test_the_graph_shows_what_was_set_and_cut(model):
    before, after = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 9.0, 4.0])
    free, cut = (graph_of_values(model.graph, before, after, names) for names in (set(), {"length"}))
    assert free.shape == cut.shape and free.shape[-1] == 3
    red = (cut[..., 0] > 180) & (cut[..., 1] < 80)  # the arrows into the length
    assert red.sum() > 20 and ((free[..., 0] > 180) & (free[..., 1] < 80)).sum() == 0


def test_equal_pictures_of_two_users_are_two_files(model, dataset):
    """Gradio writes a file of known content anew in place, under the eyes of the user who is fetching it."""
    gradio = pytest.importorskip("gradio")
    from cdae_jax.explorer import page as app

    page, place = app.Page(model, dataset, "pendulum"), gradio.Image(format="png")
    values = (1.0, 2, "ddim", *[False] * 4, *[0.0] * 4)
    first, second = (page.answer(page.first_scene(), *values)[:5] for _ in range(2))
    swept = [page.sweep(page.first_scene(), "light", *values)[0] for _ in range(2)]
    for one, other in [*zip(first, second, strict=True), swept]:
        files = [pathlib.Path(place.postprocess(picture).path) for picture in (one, other)]
        assert files[0] != files[1]
        np.testing.assert_array_equal(*[np.asarray(Image.open(file)) for file in files])


def test_a_missing_workdir_ends_the_command_with_a_sentence(tmp_path):
    done = command("explore", f"--workdir={tmp_path}/none")
    assert done.returncode == 2 and "there is no folder or file" in done.stderr


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
    """A running server, started by the command."""
    pytest.importorskip("gradio")
    flags = (f"--workdir={os.environ.get('EXPLORER_WORKDIR', trained_pendulum)}", f"--port={PORT}")
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "experiments.explore", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT,
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


def test_twenty_users_at_once_are_all_answered(address):
    client = pytest.importorskip("gradio_client").Client

    def ask(angle):
        """Moves a slider twice, impatiently, and waits for both answers."""
        user = client(address, verbose=False)
        asked = [(1.0, 8, "ddim", True, False, False, False, value, 90.0, 5.0, 5.0) for value in (angle, -angle)]
        return [user.submit(*values, api_name="/answer").result()[-1] for values in asked]

    with concurrent.futures.ThreadPoolExecutor(20) as users:
        answers = list(users.map(ask, map(float, range(1, 21))))
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
        path.write_bytes({"notes.png": b"no picture", "wide.png": png(np.zeros((16, 20, 3), np.uint8))}[name])
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
    for name, message in (("notes.png", "no readable PNG or JPEG image"), ("wide.png", "crop it to a square")):
        find("#upload-holder input[type=file], input[type=file]")[0].send_keys(files(name))
        wait_for(lambda message=message: re.search(message, browser.page_source))
