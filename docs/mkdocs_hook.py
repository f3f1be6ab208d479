"""For mkdocs: the pages lie as in the repository, docs/ below README.md and beside results/: links hold in both."""

import pathlib

from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).parent.parent
PATTERNS = ("*.md", "LICENSE", "docs/*.md", "docs/*.png", "docs/*.ipynb", "results/**/*")


def on_files(files, config):
    of_theme = [file for file in files if file.src_dir != config.docs_dir]
    ours = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file())
    made = [File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)) for path in ours]
    return Files([*of_theme, *made])
