"""What all cards do: values go two ways between their controls and the workspace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playground.app.page_words import in_page
from playground.app.workspace import Workspace
from playground.errors import PlaygroundError


class Card(ABC):
    """Controls of the workspace: what is shown in them is not taken for what a visitor chose.

    Attributes:
        workspace: whose settings or results it shows.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Keep the workspace; nothing is shown yet."""
        self.workspace = workspace
        self.is_showing = False

    @abstractmethod
    def show(self) -> None:
        """Bring the controls in line with the workspace."""

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Inside, values of controls are set by the card itself."""
        self.is_showing = True
        try:
            yield
        finally:
            self.is_showing = False

    def choose(self, change: Callable[[], None]) -> bool:
        """Change something that a visitor chose, and say whether it was done.

        An unusable change is told the page, and the controls go back to what is. While the card sets them itself
        nothing is chosen.
        """
        if self.is_showing:
            return False
        try:
            change()
        except PlaygroundError as error:
            self.workspace.problem = in_page(str(error))
            self.show()
            return False
        return True
