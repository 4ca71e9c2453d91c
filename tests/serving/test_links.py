"""Links and what else is no plain file of the site."""

import os

import pytest

from tests.serving.conftest import SECRET, ask, served, status

pytestmark = pytest.mark.skipif(os.name == "nt", reason="making links needs rights there")


@pytest.fixture
def linked(site, tmp_path):
    """A site with links in it: out of it, round in a circle, within it; and a pipe without a writer."""
    folder = tmp_path / "linked"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"here")
    (folder / "out.txt").symlink_to(site.parent / "secret.txt")
    (folder / "out").symlink_to(site.parent)
    (folder / "sub" / "index.html").symlink_to(site.parent / "secret.txt")
    (folder / "index.html.br").symlink_to(site.parent / "secret.txt")
    (folder / "circle").symlink_to("circle")
    (folder / "within.txt").symlink_to("index.html")
    os.mkfifo(folder / "pipe")
    with served(folder) as running:
        yield running


@pytest.mark.parametrize(
    "target", ["/out.txt", "/out/secret.txt", "/out/", "/out", "/sub/", "/circle", "/circle/x", "/pipe"]
)
def test_links_out_of_the_site_and_what_is_no_file_do_not_exist(linked, target):
    reply = ask(linked, target, "Accept-Encoding: br")
    assert status(reply) == 404
    assert SECRET not in reply


def test_links_within_the_site_are_followed_and_a_copy_elsewhere_is_not_used(linked):
    assert ask(linked, "/within.txt").endswith(b"here")
    assert ask(linked, "/", "Accept-Encoding: br").endswith(b"here")


def test_a_site_that_is_itself_a_link_is_served(site, tmp_path):
    (tmp_path / "dist").symlink_to(site)
    with served(tmp_path / "dist") as running:
        assert ask(running).endswith(b"AAAAA")
