"""Images on their way to another machine's engine."""

from __future__ import annotations

import io
import secrets
import tarfile

import pytest

from opencodeeval.execution import images
from opencodeeval.execution.jails import docker

pytestmark = pytest.mark.docker


def test_a_packed_image_keeps_its_name_and_its_id(guest_image: str) -> None:
    engine = docker.client()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(secrets.token_hex(8)))  # no other image has it
    name = f"opencodeeval-test:{secrets.token_hex(4)}"
    repository, tag = name.split(":")
    engine.api.import_image_from_data(content.getvalue(), repository=repository, tag=tag)
    try:
        known = images.image_id(engine, name)
        packed = images.packed_image(name)
        engine.images.remove(known, force=True)
        with pytest.raises(images.ImageMissing, match="is not built"):
            images.image_id(engine, name)
        images.unpack_image(packed)
        assert images.image_id(engine, name) == known
    finally:
        engine.images.remove(name, force=True)
