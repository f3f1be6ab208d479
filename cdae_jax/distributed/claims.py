"""Work that processes share without a server, on one machine or many, over a disk that all reach.

A piece of work is a path. A process that works on it holds a claim: a file <path>.claim-<n> that only one process can
make (O_EXCL). The file names the process, which touches it while it lives. A claim that was not touched for
LOST_SECONDS belongs to a lost process: others then try to make the claim n + 1, which again only one of them can. No
claim is moved or removed before the work is done, so that two never take over at once. Ages are by the disk's clock.
"""

import contextlib
import itertools
import os
import pathlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence

LOST_SECONDS = 60.0
POLL_SECONDS = 1.0  # between two looks at what others are doing


def _path(piece: pathlib.Path, n: int) -> pathlib.Path:
    return piece.with_name(f"{piece.name}.claim-{n}")


def _part(claim: pathlib.Path) -> pathlib.Path:
    return claim.with_name(f"{claim.name}.part")


class Claim:
    """This process's claim on a piece of work; a thread touches its file until it is released."""

    def __init__(self, piece: pathlib.Path, path: pathlib.Path):
        self.piece, self.path = piece, path
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._touch, daemon=True)
        self._thread.start()

    def _touch(self) -> None:
        while not self._released.wait(LOST_SECONDS / 6):
            with contextlib.suppress(OSError):  # the disk is away for a moment, or another has done the work
                os.utime(self.path)

    def release(self, done: bool) -> None:
        """Ends the claim: removes all claims on the piece if it is done, else lets others take it over at once."""
        self._released.set()
        self._thread.join()
        if not done:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.path, (0, 0))
            return
        for path in itertools.chain([self.path], map(_path, itertools.repeat(self.piece), itertools.count())):
            _part(path).unlink(missing_ok=True)
            try:
                path.unlink()
            except FileNotFoundError:
                if path != self.path:
                    return


def take(piece: pathlib.Path) -> Claim | None:
    """A claim on the piece, or None while another live process has one. The piece may already be done."""
    for n in itertools.count():
        try:
            with _path(piece, n).open("x") as file:
                file.write(f"{socket.gethostname()} {os.getpid()}\n")
            return Claim(piece, _path(piece, n))
        except FileExistsError:
            if not _is_lost(_path(piece, n)):
                return None


def _is_lost(path: pathlib.Path) -> bool:
    try:
        with path.open() as file:  # a disk of the network tells the age anew where a file is opened
            touched = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return False  # done in this moment
    with tempfile.TemporaryFile(dir=path.parent) as file:
        return os.fstat(file.fileno()).st_mtime - touched > LOST_SECONDS


def share(
    pieces: Sequence[pathlib.Path],
    make: Callable[[pathlib.Path, pathlib.Path], None],
    waiting: Callable[[list[pathlib.Path]], None] = lambda left: None,
) -> None:
    """Returns when all these files exist, each made by this process or by another that shares the work.

    make(piece, part) writes the content of `piece` to the path `part`, which is then renamed: a piece exists as a whole
    or not at all. waiting(left) is called, again and again, while others make all pieces that are left.
    """
    left = list(pieces)
    while left := [piece for piece in left if not piece.exists()]:
        taken = False
        for piece in left:
            claim = None if piece.exists() else take(piece)
            if claim is not None:
                taken = True
                try:
                    if not piece.exists():
                        make(piece, _part(claim.path))
                        _publish(_part(claim.path), piece)
                finally:
                    claim.release(done=piece.exists())
        if not taken:
            waiting(left)
            time.sleep(POLL_SECONDS)


def _publish(part: pathlib.Path, piece: pathlib.Path) -> None:
    try:
        part.replace(piece)
    except FileNotFoundError:
        if not piece.exists():  # else this process was held up, and the one that took over has made the file
            raise


def is_foreign(path: pathlib.Path) -> bool:
    """Whether the folder of `path`, the first file written into it, is used for something else: it holds other files
    but not this one, or is itself a file."""
    folder = path.parent
    others = folder.is_dir() and any(not other.name.startswith(path.name) for other in folder.iterdir())
    return folder.is_file() or (others and not path.is_file())


def write_once(path: pathlib.Path, text: str) -> str:
    """Writes a file unless it exists, and returns its content."""
    coding = {"encoding": "utf-8", "errors": "surrogateescape"}  # file names may be no UTF-8
    share([path], lambda _, part: part.write_text(text, **coding))
    return path.read_text(**coding)
