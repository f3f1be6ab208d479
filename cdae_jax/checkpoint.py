"""Saving and restoring a training state: the only importer of Orbax."""

import pathlib

import jax
import orbax.checkpoint as ocp

from cdae_jax.errors import InputError

KEEP = 2  # newest checkpoints kept


class Checkpoints:
    """The checkpoints of a workdir, in <workdir>/checkpoints/<step>.

    Each holds "train" (parameters, optimiser state, step: what training goes on from; the step is also the
    data's position) and "ema" (the averaged parameters, all that inference needs).
    """

    def __init__(self, workdir: pathlib.Path):
        options = ocp.CheckpointManagerOptions(
            preservation_policy=ocp.checkpoint_managers.LatestN(KEEP), enable_async_checkpointing=True
        )
        self._manager = ocp.CheckpointManager((workdir / "checkpoints").absolute(), options=options)

    @property
    def latest(self) -> int | None:
        """Step of the newest complete checkpoint."""
        return self._manager.latest_step()

    def save(self, step: int, train, ema) -> None:
        """Starts saving two trees of arrays; returns before it is done."""
        args = ocp.args.Composite(train=ocp.args.StandardSave(train), ema=ocp.args.StandardSave(ema))
        self._manager.save(step, args=args)

    def wait(self) -> None:
        """Returns when everything is on disk."""
        self._manager.wait_until_finished()

    def restore(self, step: int, **abstract):
        """Restores the named trees ("train", "ema") into the shapes, types and shardings of `abstract`.

        Raises:
          InputError: the checkpoint is damaged, or belongs to a model of other sizes.
        """
        try:
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(**{name: ocp.args.StandardRestore(tree) for name, tree in abstract.items()}),
            )
        except Exception as err:  # Orbax raises whatever its storage layer raises
            reason = str(err).strip().splitlines()[0][:200] if str(err).strip() else type(err).__name__
            raise InputError(
                f"the checkpoint {self._manager.directory}/{step} cannot be restored ({reason}):"
                " delete that folder to go on from the one before, or train again"
            ) from err
        return [restored[name] for name in abstract]

    def close(self) -> None:
        self._manager.close()


def abstract_like(tree, sharding):
    """ShapeDtypeStructs of a tree, all with one sharding."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)
