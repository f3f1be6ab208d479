"""Saving and restoring a training state: the only importer of Orbax."""

import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent import futures

import jax
import numpy as np
import orbax.checkpoint as ocp

from cdae_jax.distributed import processes
from cdae_jax.errors import InputError
from cdae_jax.paths import write_whole

KEEP = 2  # newest checkpoints kept
NICENESS = 10  # of the thread that saves, and of those that it starts: on a CPU the training steps go first


def checksums(folder: pathlib.Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _give_way() -> None:
    """Makes this thread nice, and so those that it will start, where threads have a niceness of their own."""
    if sys.platform == "linux":
        here = (os.PRIO_PROCESS, threading.get_native_id())
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(*here, max(NICENESS, os.getpriority(*here)))


class Checkpoints:
    """The checkpoints of a workdir, in <workdir>/checkpoints/<step>.

    Each holds "train" (parameters, optimiser state, step: what training goes on from) and "ema" (the averaged
    parameters, all that inference needs). <step>.sha256 beside it has the checksums of its files; the newest one gets
    them when it is whole, with several processes at the next save or `wait`.
    """

    def __init__(self, workdir: pathlib.Path, create: bool = True):
        self._folder = (workdir / "checkpoints").absolute()
        newest = ocp.checkpoint_managers.LatestN(KEEP)
        options = ocp.CheckpointManagerOptions(preservation_policy=newest, create=create)
        # Compression would take cores from the training steps, and shortens float32 numbers by a twelfth.
        handlers = {name: ocp.PyTreeCheckpointHandler(use_compression=False) for name in ("train", "ema")}
        self._manager = ocp.CheckpointManager(self._folder, options=options, item_handlers=handlers)
        self._starter = futures.ThreadPoolExecutor(1, initializer=_give_way)
        self._started: futures.Future | None = None
        self._has_failed = False  # and that was told

    @property
    def latest(self) -> int | None:
        """Step of the newest complete checkpoint, once a save that was started is done; raises InputError as `wait`."""
        self._join()
        return self._manager.latest_step()

    def save(self, step: int, train, ema) -> None:
        """Starts saving two trees of arrays; returns before it is done. Raises InputError as `wait` does.

        The arrays may be donated afterwards. A single process waits only until they are in host memory; the rest is
        done in a thread beside the training steps, which gives way to them. With several processes this call waits for
        Orbax's preparations too: their collectives must not interleave with those of the steps.
        """
        self.wait()
        lone = jax.process_count() == 1
        if lone:
            train, ema = jax.tree.map(np.array, jax.device_get((train, ema)))  # on a CPU device_get shares memory
        args = ocp.args.Composite(train=ocp.args.PyTreeSave(train), ema=ocp.args.PyTreeSave(ema))
        self._started = self._starter.submit(self._save, step, args, lone)
        if not lone:
            self._join()

    def _save(self, step: int, args: ocp.args.Composite, to_the_end: bool) -> None:
        self._manager.save(step, args=args)
        if to_the_end:
            self._manager.wait_until_finished()
            self._write_checksums()

    def _join(self) -> None:
        with self._telling_what_was_kept():
            if self._started is not None:
                started, self._started = self._started, None
                started.result()

    def wait(self) -> None:
        """Returns when everything is on disk, with its checksums. Raises InputError if it cannot be written (a full
        disk, say); what was complete before is kept."""
        self._join()
        with self._telling_what_was_kept():
            self._manager.wait_until_finished()
            if processes.is_first():
                self._write_checksums()

    @contextlib.contextmanager
    def _telling_what_was_kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as err:  # Orbax raises whatever its storage layer raises
            self._has_failed = True
            if processes.tells_of_loss(err):
                raise
            kept = [step for step in self._manager.all_steps(read=True) if self._sums(step).is_file()]
            goes_on = f"the same command goes on from step {max(kept)}" if kept else "nothing was saved yet"
            raise InputError(
                f"no checkpoint can be written to {self._folder} ({_reason(err)}): see that there is space; {goes_on}"
            ) from err

    def _write_checksums(self) -> None:
        wanted = {self._sums(step): self._folder / str(step) for step in self._manager.all_steps()}
        for path, folder in wanted.items():
            if not path.is_file():
                write_whole(path, json.dumps(checksums(folder)))
        for path in set(self._folder.glob("*.sha256")) - set(wanted):
            path.unlink()

    def _sums(self, step: int) -> pathlib.Path:
        return self._folder / f"{step}.sha256"

    def damage(self, step: int) -> str | None:
        """What is wrong with the files of a checkpoint; None if nothing is, or if it was never given checksums."""
        try:
            expected = json.loads(self._sums(step).read_text())
        except (FileNotFoundError, ValueError):
            return None
        found = checksums(self._folder / str(step))
        for name in expected:
            if name not in found:
                return f"{name} is missing"
            if found[name] != expected[name]:
                return f"the checksum of {name} does not fit"
        return None

    def restore_newest(self, **abstract) -> tuple[int, list] | None:
        """The step of the newest checkpoint that is whole, and its trees; None if there is no checkpoint.

        Newer ones that are damaged, or without checksums and not readable, are warned about and passed over. `abstract`
        has for each tree wanted ("train", "ema") the shapes, types and shardings to restore it into. Raises InputError
        if there are checkpoints and none can be used, if the newest has the state of another optimiser, or if it is
        whole and cannot be restored, for lack of memory say.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step, older in itertools.pairwise([*steps, None]):
            wrong = self.damage(step)
            if wrong is None:
                try:
                    return step, self.restore(step, **abstract)
                except Exception as err:  # Orbax raises whatever its storage layer raises
                    if "train" in abstract and "tree structures do not match" in str(err):
                        raise InputError(
                            f"{self._folder / str(step)} was saved with another optimiser, by another version: go on"
                            f" with that version, or start a new workdir with --init_from={self._folder.parent}"
                        ) from err
                    if self._sums(step).is_file():
                        raise InputError(
                            f"the checkpoint {self._folder / str(step)} is whole by its checksums but cannot be"
                            f" restored ({_reason(err)}): see that it is of this run and version, and that memory"
                            " suffices"
                        ) from err
                    wrong = _reason(err)  # of one that never got its checksums
            before = f"using step {older}, the one before" if older is not None else "and there is none before it"
            warnings.warn(f"the checkpoint {self._folder / str(step)} is damaged ({wrong}): {before}", stacklevel=2)
        if steps:
            raise InputError(f"every checkpoint in {self._folder} is damaged: delete that folder and train again")
        return None

    def drop_after(self, step: int) -> None:
        """Deletes the checkpoints of later steps, which training is about to make again."""
        for later in self._manager.all_steps():
            if later > step and processes.is_first():
                shutil.rmtree(self._folder / str(later))
                self._sums(later).unlink(missing_ok=True)
        processes.wait_for_all("dropped")
        self._manager.reload()

    def restore(self, step: int, **abstract) -> list:
        """The named trees of one checkpoint, as for `restore_newest`; raises whatever Orbax raises."""
        how = ocp.checkpoint_utils.construct_restore_args
        trees = {name: ocp.args.PyTreeRestore(tree, restore_args=how(tree)) for name, tree in abstract.items()}
        restored = self._manager.restore(step, args=ocp.args.Composite(**trees))
        return [restored[name] for name in abstract]

    def close(self) -> None:
        """Waits for a save that is still running, and closes. Raises InputError as `wait` does."""
        try:
            self._join()
        finally:
            self._starter.shutdown()
            with contextlib.suppress(Exception) if self._has_failed else self._telling_what_was_kept():
                self._manager.close()


def _reason(err: Exception) -> str:
    """What the operating system said, else the first line of an error."""
    said = re.search(r"([\w ]+) \[os_error_code", str(err))
    return said[1].strip() if said else processes.first_line(err)[:200]
