"""The page of the explorer (Gradio). What it shows is computed in `scene`.

from cdae_jax.explorer import page
page.explore("pendulum")
"""

import pathlib
import time
import uuid

import gradio as gr
import numpy as np
from PIL import Image

from cdae_jax.data.dataset import Dataset
from cdae_jax.data.labels import shown
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import dataset_of
from cdae_jax.evaluation.report import UNKNOWN
from cdae_jax.explorer import scene as scenes
from cdae_jax.explorer import surroundings
from cdae_jax.inference.loading import load
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.plots.graphs import graph_of_values

SHOWN_SIDE = 256  # pixels of the pictures on the page
SHOWN = {"format": "png", "interactive": False, "buttons": ["download", "fullscreen"]}  # every picture
QUEUE = 64  # waiting clicks of all users together; later ones are told to come back
FORGET_SECONDS = 600  # after which pictures and uploads are deleted from the server


def enlarged(image: np.ndarray) -> np.ndarray:
    """[H, W, C] -> the same with square pixels of a visible size, [S, S] or [S, S, 3]."""
    factor = max(1, SHOWN_SIDE // image.shape[0])
    return image.repeat(factor, 0).repeat(factor, 1).squeeze()


def strip(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] -> one picture, side by side with a white line between."""
    factor = max(1, SHOWN_SIDE // 2 // images.shape[1])
    big = images.repeat(factor, 1).repeat(factor, 2)
    framed = np.pad(big, ((0, 0), (0, 0), (0, 4), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), 1).squeeze()


def picture_of_its_own(pixels: np.ndarray) -> Image.Image:
    """[H, W] or [H, W, 3] uint8 -> a picture that Gradio keeps in a file that no other answer has.

    Gradio names files by their content and rewrites an existing one in place: a user who fetches it at that moment (all
    users see the same factual image) would get nothing.
    """
    image = Image.fromarray(pixels)
    image.info["answer"] = uuid.uuid4().hex  # becomes a text in the PNG
    return image


def _refused(err: InputError, outputs: int) -> list:
    """Tells the user what was wrong, and leaves the outputs as they were."""
    gr.Warning(str(err), duration=None, title="That did not work")
    return [gr.skip()] * outputs


class Page:
    """What all users share: the model and its data (None where only samples and uploads can be shown). Each user's own
    is a scene, kept by the browser's session."""

    def __init__(self, model: TrainedModel, dataset: Dataset | None, name: str):
        self.model, self.dataset, self.name = model, dataset, name
        self.names = model.graph.names

    def warm_up(self) -> tuple[float, float]:
        """Compiles what a click needs; seconds taken, and seconds of a click from then on."""
        started = time.monotonic()
        scene = self.first_scene()
        values = self.show(scene)[1:]
        settings = (1.0, self.model.options().num_steps, self.model.options().solver)
        scenes.sweep(self.model, scene, self.names[0], {})
        self.answer(scene, *settings, *values)
        ready = time.monotonic()
        self.answer(scene, *settings, *values)
        return ready - started, time.monotonic() - ready

    def first_scene(self) -> scenes.Scene:
        return scenes.scene_of_test_image(self.dataset, 0) if self.dataset else scenes.sampled_scene(self.model, 0)

    def _do(self, values: tuple) -> dict[str, float]:
        """name -> value from n ticks and n sliders."""
        ticks, sliders = values[: len(self.names)], values[len(self.names) :]
        return {name: float(value) for name, tick, value in zip(self.names, ticks, sliders, strict=True) if tick}

    def _options(self, strength, num_steps, solver) -> dict:
        return {"strength": float(strength), "num_steps": int(num_steps), "solver": solver}

    def answer(self, scene, strength, num_steps, solver, *values):
        """Pictures and texts of a scene under the ticked interventions, in the order of the page's outputs."""
        do = self._do(values)
        try:
            found = scenes.answer(self.model, self.dataset, scene, do, **self._options(strength, num_steps, solver))
        except InputError as err:
            return _refused(err, 6)
        notes = [f"\u26a0\ufe0f {note}" for note in found.notes]
        if do and found.true is None:
            notes.append("The true counterfactual of this image is unknown.")
        if found.sure:
            notes.append(found.sure if found.true is not None else f"{found.sure} {UNKNOWN}")
        true = np.full_like(scene.image, 255) if found.true is None else found.true
        graph = graph_of_values(self.model.graph, found.before, found.after, set(do))
        pictures = [enlarged(image) for image in (scene.image, found.image, true, found.change)]
        asked = ", ".join(f"do({n} = {self.told(n, v)})" for n, v in do.items()) or "no intervention"
        text = "\n\n".join([f"**{scene.title}** under {asked}", *notes])
        return *map(picture_of_its_own, (*pictures, graph)), text

    def told(self, name: str, value: float, digits: int = 4) -> str:
        """A class by its word; a number with `digits` digits, or more where its range is small beside its ends."""
        i = self.model.graph.index(name)
        var = self.model.variables[i]
        return self.model.graph.variables[i].spell(value) if var.classes else shown(value, var.low, var.high, digits)

    def show(self, scene):
        """A new scene: nothing is ticked and the sliders stand at what the model reads."""
        read = scenes.read_labels(self.model, scene)
        sliders = [
            int(value) if var.classes else scenes.on_slider(self.model, var.name, value)
            for var, value in zip(self.model.graph.variables, read, strict=True)
        ]
        return scene, *[False] * len(self.names), *sliders

    def pick(self, row):
        last = len(self.dataset.test) - 1
        return self.show(scenes.scene_of_test_image(self.dataset, int(np.clip(row or 0, 0, last))))

    def random(self):
        return self.pick(np.random.default_rng().integers(len(self.dataset.test)))

    def sample(self):
        return self.show(scenes.sampled_scene(self.model, int(np.random.default_rng().integers(2**31))))

    def upload(self, data):
        try:
            return self.show(scenes.uploaded_scene(self.model, data or b""))
        except InputError as err:
            return _refused(err, 1 + 2 * len(self.names))

    def sweep(self, scene, name, strength, num_steps, solver, *values):
        """The strip of pictures of one variable across its range, and a line about it."""
        do = self._do(values)
        do.pop(name, None)
        try:
            images, at = scenes.sweep(self.model, scene, name, do, **self._options(strength, num_steps, solver))
        except InputError as err:
            return _refused(err, 2)
        unit = self.model.variables[self.model.graph.index(name)].unit
        told = ", ".join(self.told(name, value, 3) for value in at)
        return picture_of_its_own(strip(images)), f"{name} = {told} {unit}"


def _controls(page: Page) -> tuple[list, list]:
    """A tick and a slider (a choice, for classes) for every variable."""
    ticks, sliders = [], []
    for var, spec in zip(page.model.variables, page.model.graph.variables, strict=True):
        place = {"scale": 4, "elem_id": f"value-{var.name}"}
        with gr.Row():
            ticks.append(gr.Checkbox(False, label="do", min_width=70, scale=1, elem_id=f"do-{var.name}"))
            if spec.classes:
                choices = [(word, code) for code, word in enumerate(spec.words)]
                sliders.append(gr.Radio(choices, value=0, label=var.name, **place))
                continue
            low, high, step = scenes.slider_of(page.model, var.name)
            ends = (float(shown(end, low, high, 6)) for end in (low, high))
            start = scenes.on_slider(page.model, var.name, low)
            label = f"{var.name} ({var.unit})" if var.unit else var.name
            info = f"seen in training: {' to '.join(page.told(var.name, end) for end in var[2:4])} {var.unit}"
            sliders.append(gr.Slider(*ends, value=start, step=step, label=label, info=info, **place))
    return ticks, sliders


def _picture(name: str) -> gr.Image:
    """A place for a picture, its name above so that it hides nothing."""
    with gr.Column(min_width=200):
        gr.Markdown(f"**{name}**")
        return gr.Image(show_label=False, height=SHOWN_SIDE, elem_id=name, **SHOWN)


def build(page: Page) -> gr.Blocks:
    """The page."""
    defaults = page.model.options()
    forget = (FORGET_SECONDS, FORGET_SECONDS)
    with gr.Blocks(title=f"cdae_jax: {page.name}", analytics_enabled=False, delete_cache=forget) as blocks:
        gr.Markdown(f"# What if? {page.name}\nPick an image, tick what to set, move its slider.")
        scene = gr.State(page.first_scene())
        with gr.Row():
            with gr.Column(scale=2):
                with gr.Row():
                    if page.dataset is not None:
                        label = f"test image, 0 to {len(page.dataset.test) - 1}"
                        row = gr.Number(0, label=label, precision=0, min_width=120)
                        shuffle = gr.Button("random", min_width=80)
                    sampled = gr.Button("sample a new one", min_width=80)
                    upload = gr.UploadButton("upload PNG or JPEG", type="binary", min_width=80, elem_id="upload")
                ticks, sliders = _controls(page)
                with gr.Accordion("advanced", open=False):
                    gr.Markdown("The first use of other settings compiles for some seconds.")
                    strength = gr.Slider(0, 1, 1.0, step=0.05, label="strength of the change")
                    num_steps = gr.Slider(2, 50, defaults.num_steps, step=1, label="network evaluations each way")
                    solver = gr.Radio(list(SOLVERS), value=defaults.solver, label="solver")
                graph = gr.Image(label="the graph: values before and after", elem_id="graph", **SHOWN)
            with gr.Column(scale=3):
                message = gr.Markdown(elem_id="message")
                pictures = []
                for names in (("factual", "counterfactual"), ("truth", "difference")):
                    with gr.Row():
                        pictures += [_picture(name) for name in names]
                gr.Markdown("The difference is counterfactual minus factual: gray is no change.")
        with gr.Accordion("sweep one variable", open=False):
            with gr.Row():
                swept = gr.Radio(list(page.names), value=page.names[0], label="variable", scale=4)
                go = gr.Button("sweep", scale=1)
            swept_images = gr.Image(label="across its training range", elem_id="sweep", **SHOWN)
            described = gr.Markdown()

        settings, values = [strength, num_steps, solver], [*ticks, *sliders]
        shown = [*pictures, graph, message]
        answered = {"fn": page.answer, "inputs": [scene, *settings, *values], "outputs": shown}
        answered |= {"show_progress": "minimal", "concurrency_id": "model"}
        changes = [(upload.upload, page.upload, upload), (sampled.click, page.sample, None)]
        changes.append((blocks.load, page.show, scene))
        if page.dataset is not None:
            changes += [(row.submit, page.pick, row), (shuffle.click, page.random, None)]
        events = [event(fn, given, [scene, *values], concurrency_id="model") for event, fn, given in changes]
        for event in events:
            event.success(**answered)
        for control in [*ticks, *sliders, *settings]:
            control.input(**answered, trigger_mode="always_last")
        go.click(page.sweep, [scene, swept, *settings, *values], [swept_images, described], concurrency_id="model")
    return blocks.queue(max_size=QUEUE, default_concurrency_limit=1)


def serve(page: Page, host: str, port: int, *, block: bool = True) -> str:
    """Starts the server, on this machine alone unless another host is named; returns its address. Raises InputError if
    the port is taken."""
    surroundings.exempt_from_proxies("localhost", "127.0.0.1", "::1", host)
    try:
        _, address, _ = build(page).launch(
            server_name=host,
            server_port=port,
            share=False,
            max_file_size=f"{scenes.MAX_UPLOAD_MIB}mb",
            prevent_thread_lock=not block,
            theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
            show_error=True,
            footer_links=[],
            quiet=True,
        )
    except OSError as err:
        if err.filename:  # a file's, and not the port's
            raise
        raise InputError(f"the page cannot be served on {host}:{port} ({err}): choose another --port") from err
    return address


def explore(
    source: str | pathlib.Path, host: str = "127.0.0.1", port: int = 7860, *, with_data: bool = True, block: bool = True
) -> str:
    """Serves a page about a model until it is interrupted, or, without `block`, as long as this process lives; returns
    its address.

    The source is as for `cdae_jax.load`, the host "0.0.0.0" for every machine that reaches this one. Without data, and
    for a model of a file or of the package, there are no test images, only samples and uploads. Raises InputError for
    no such model, data that cannot be found, or a port that is taken.
    """
    model = load(source)
    has_data = with_data and model.workdir is not None
    page = Page(model, dataset_of(model, source) if has_data else None, model.settings.data.name)
    print("compiling, a minute or so ...", flush=True)
    seconds, click = page.warm_up()
    ready = f"ready after {seconds:.0f} s, a click takes {click:.1f} s"
    print(f"{ready}: http://{host}:{port} (end with Ctrl-C)", flush=True)
    return serve(page, host, port, block=block)
