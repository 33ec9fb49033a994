"""What a plan is made of: speeds, sizes, numbers of images, and the plan."""

import dataclasses

NETWORKS = ("searched", "random", "plain")


@dataclasses.dataclass(frozen=True)
class Speed:
    """What this machine takes for the parts of a run, in seconds.

    Args:
        graph_per_cell: Float, making the graphs of a network, for each cell.
        per_cell: Float, a training step, for each cell of the network.
        per_multiply_add: Float, a training step, for each multiply-add.
        search_graph: Float, making the graph of a search, for each edge of
            each of its cells.
        search_per_edge: Float, a step of a search, for each edge of each cell.
        search_per_multiply_add: Float, the same for each multiply-add.
        read: Float, reading one image.
        spread: Float, how much the measured steps differed, relatively.
            Defaults to `0.0`.
    """

    graph_per_cell: float
    per_cell: float
    per_multiply_add: float
    search_graph: float
    search_per_edge: float
    search_per_multiply_add: float
    read: float
    spread: float = 0.0

    def step(self, setting, batch_size):
        """Returns the seconds of a step of a training."""
        return (
            setting.num_cells * self.per_cell
            + batch_size * setting.multiply_adds * self.per_multiply_add
        )

    def search_step(self, setting, batch_size):
        """Returns the seconds of a step of a search."""
        return (
            setting.num_cells * setting.num_edges * self.search_per_edge
            + batch_size * setting.multiply_adds * self.search_per_multiply_add
        )


@dataclasses.dataclass(frozen=True)
class Setting:
    """The sizes of a network, and what it counts.

    Args:
        image_size: Integer, height and width.
        stem: String, as of `darts_tf.ConvNetwork`.
        num_cells: Integer.
        filters: Integer.
        multiply_adds: Integer, of one image.
        parameters: Integer. Defaults to `0`, not counted.
        num_nodes: Integer, intermediate nodes of a cell. Defaults to `2`.
    """

    image_size: int
    stem: str
    num_cells: int
    filters: int
    multiply_adds: int
    parameters: int = 0
    num_nodes: int = 2

    @property
    def num_edges(self):
        """Number of edges of a cell of a supernet."""
        return sum(2 + node for node in range(self.num_nodes))


@dataclasses.dataclass(frozen=True)
class Data:
    """How many images there are.

    Args:
        num_train: Integer, without the validation images.
        num_validation: Integer.
        num_test: Integer.
    """

    num_train: int
    num_validation: int
    num_test: int

    @property
    def batch_size(self):
        """Images in a batch: of few images there are smaller ones."""
        return max(1, min(32, self.num_train // 4))

    def pass_steps(self, searching=False):
        """Returns the steps of a pass over the training images."""
        images = self.num_train // 2 if searching else self.num_train
        return max(1, images // self.batch_size)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run will do, and how long each part of it may take.

    Args:
        setting: The `Setting` of the networks.
        search: The `Setting` of the searches.
        searches: Integer.
        batch_size: Integer.
        search_steps: Integer, of an epoch of a search.
        search_epochs: Integer.
        train_steps: Integer, of an epoch of a training.
        train_epochs: Integer.
        reading: Float, seconds for reading the images.
        searching: Float, seconds for each search.
        choosing: Float, seconds for the short training of each cell found; 0
            for a single one.
        training: Float, seconds for the training of each network.
        ending: Float, seconds for counting, test, export and report.
        uncertainty: Float, how far the whole may be off, relatively.
    """

    setting: Setting
    search: Setting
    searches: int
    batch_size: int
    search_steps: int
    search_epochs: int
    train_steps: int
    train_epochs: int
    reading: float
    searching: float
    choosing: float
    training: float
    ending: float
    uncertainty: float

    @property
    def all_steps(self):
        """Steps of each training."""
        return self.train_steps * self.train_epochs

    @property
    def seconds(self):
        """Seconds of the whole."""
        return (
            self.reading
            + self.searches * (self.searching + self.choosing)
            + len(NETWORKS) * self.training
            + self.ending
        )
