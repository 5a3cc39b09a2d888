"""The theme's templates as compiled code, kept from build to build."""

import contextlib
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache

CACHE = Path(".cache/attnsite/templates")
_SUM = hashlib.sha256().digest_size


class Compiled(BytecodeCache):
    """A file for each template, named by it and by who compiles; one that is broken is as good as none.

    Jinja itself compares the hash of the template's text.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / CACHE
        self.by = f"{version('jinja2')}-{version('mkdocs')}"

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            held = self._path(bucket).read_bytes()
            if hashlib.sha256(held[_SUM:]).digest() == held[:_SUM]:
                bucket.bytecode_from_string(held[_SUM:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        code, path = bucket.bytecode_to_string(), self._path(bucket)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(hashlib.sha256(code).digest() + code)
            temporary.replace(path)

    def _path(self, bucket: Bucket) -> Path:
        return self.folder / f"{bucket.key}-{self.by}.bin"
