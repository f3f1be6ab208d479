"""What to train on: `config.data` of each dataset. Folders are relative to where the command runs."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    name: str
    resolution: int  # height and width of the images in pixels
    seed: int = 0
    data_dir: str = "data"  # cache of prepared data and of trained judges
    # Share of the training images that become validation images, to choose settings on, within the limits of
    # `splits.validation_part`; 0 for none, also in stored runs without this field.
    validation_share: float = 0.0
    label_fraction: float = 1.0  # share of the training images that keep their labels, in (0, 1], drawn by `seed`
    labelled_share: float = 0.5  # least share of labelled images in every batch; 1: labelled images alone
    num_evaluated: int = 512  # test images that an evaluation looks at
    judge_steps: int = 500  # training steps of the judge, the anti-causal predictor of evaluations


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sized(Data):
    train_size: int
    test_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendered(Sized):
    """A dataset that can be rendered under any do()."""

    interventional_share: float = 0.0  # share of training images with variables set against their mechanism


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pendulum(Rendered):
    sampling: str = "continuous"  # or "grid"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MorphoMNIST(Sized):
    mnist_dir: str = ""  # the folder with MNIST's four IDX files


@dataclasses.dataclass(frozen=True, kw_only=True)
class CausalCircuit(Sized):
    circuit_dir: str = ""  # the folder with the published .npz files


@dataclasses.dataclass(frozen=True, kw_only=True)
class CelebA(Sized):
    celeba_dir: str = ""  # the folder of img_align_celeba, list_attr_celeba and list_eval_partition
    tested: Literal["test", "validation"] = "test"  # the partition that evaluations look at
    crop: int = 150  # pixels of a side of the square cut from the centre of 178 x 218, before resizing
    max_memory_gib: float = 4.0  # images that take more are read from disk as they are needed


@dataclasses.dataclass(frozen=True, kw_only=True)
class CausalChamber(Data):
    """The light tunnel of the Causal Chambers; see `cdae_jax.data.causal_chamber`."""

    chamber_dir: str = ""  # the folder that datasets were downloaded to
    dataset: str = "lt_camera_v1"
    reference: str = "scm_4_reference"  # the experiment where every variable follows its mechanism
    interventions: str = "scm_4_{name}"  # the one that sets a variable, where there is such a folder; "": none
    size: str = "100"  # of the images that are read: those of the folder images_<size>
    test_fraction: float = 0.2  # of every experiment's images, drawn by `seed`


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimulatedChamber(Data):
    """The light tunnel as the causalchamber package simulates it; see `cdae_jax.data.simulated_chamber`."""

    experiment_size: int = 5_000  # images of the reference, and of the intervention on each variable
    test_fraction: float = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Custom(Data):
    """The user's own images; see `cdae_jax.data.custom`."""

    images: str  # a folder of images, an .npz or .npy file, or tfds:name@split; see `images.collect`
    labels: str  # a table (CSV, .xlsx, .parquet): a column "file" or "index", and one column for every variable
    missing: str = ""  # what the table writes where there is no label, besides empty cells: "-999"; "none": nothing
    test_fraction: float = 0.2  # of the images (groups), by seed and file name; not used with split_column
    max_memory_gib: float = 4.0  # a folder whose images take more is read from disk as they are needed
    split_column: str = ""  # a column of the table that says train, test, or validation (val) if those are given too
    group_column: str = ""  # a column of the table: images with the same cell are on one side of the split
    fit: Literal["crop", "pad", "stretch"] = "crop"  # what is done to images that are not square; crop: at the centre
    background: Literal["white", "black"] = "white"  # under transparency, and around images that are padded
    white_level: float = 0.0  # the value that is white in images of more than 8 bits; 0: 65535, of floats 1
    do_column: str = ""  # a column of the table that names the variables set by hand in each image, if any


BY_NAME = {
    "pendulum": Pendulum,
    "morpho_mnist": MorphoMNIST,
    "causal_circuit": CausalCircuit,
    "circuit_lookalike": Rendered,
    "celeba": CelebA,
    "causal_chamber": CausalChamber,
    "causal_chamber_simulated": SimulatedChamber,
    "custom": Custom,
}
