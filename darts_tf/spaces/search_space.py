"""The set of architectures that a search chooses from."""

import math
import reprlib
from collections.abc import Sequence
from dataclasses import MISSING
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from darts_tf import checks
from darts_tf.spaces import edge_subsets
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import membership
from darts_tf.spaces import paper
from darts_tf.spaces import stages

NONE = "none"
_CELL_TYPES = (("normal",), ("normal", "reduction"), ("recurrent",))
_OUTPUTS = ("concat", "last")
# As published, in the order of the digits of the benchmark's tables.
_NAS_BENCH_201 = (
    NONE,
    "skip_connect",
    "nor_conv_1x1",
    "nor_conv_3x3",
    "avg_pool_3x3",
)


@dataclass(frozen=True)
class SearchSpace:
    """Says which operations and which edges the cells of a search may have.

    During the search, every node is joined to every node before it, and each
    of these edges holds all primitives. A genotype of the space keeps, for
    each intermediate node, `edges_per_node` edges from different nodes (all
    of them, if there are fewer) with one primitive each, which is `"none"` in
    a space with `none_selectable` only.

    Args:
        primitives: Strings, the names of the operations, in the order of the
            columns of `alphas`. `"none"` is the operation that adds nothing.
        num_nodes: Integer, the number of intermediate nodes.
        num_inputs: Integer, the number of input nodes.
        cell_types: Strings, the cells that are searched: `("normal",)`,
            `("normal", "reduction")` or `("recurrent",)`.
        edges_per_node: Integer, the number of edges that discretization keeps
            for each node.
        edge_primitives: Optional dictionary that leaves some edges only a part
            of the primitives: for a cell type, a list with an entry for each
            of `edges`, the names of its primitives or `None` for all. Cell
            types that are not in it are not restricted. An edge that holds
            `"none"` alone is no edge; only a space with `none_selectable` may
            have some. Defaults to `None`.
        none_selectable: Boolean, whether a genotype may hold `"none"`, which
            takes the edge away. Defaults to `False`, as in the paper.
        output: String, what a cell returns: `"concat"`, all intermediate nodes
            joined in the channels, or `"last"`, the last of them. Defaults to
            `"concat"`.
        normalize_pools: Boolean, whether pools are normalised while searching,
            as in the paper. Defaults to `True`.
        skeleton: Optional `darts_tf.Stages`, how normal cells alone are
            stacked. Defaults to `None`, the paper's network, with reduction
            cells at 1/3 and 2/3 of the depth.

    Raises:
        ValueError: If an argument is not as described, or does not apply to
            the cells of the space.

    Example:

    >>> space = darts_tf.SearchSpace.conv(num_nodes=2)
    >>> space.edges
    ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    >>> space.alphas_shape
    (5, 8)

    Reference:
        Section 2.1 of the DARTS paper, arXiv:1806.09055.
    """

    primitives: tuple[str, ...]
    num_nodes: int
    num_inputs: int
    cell_types: tuple[str, ...]
    edges_per_node: int
    # A dictionary has no hash; equal spaces still have equal hashes.
    edge_primitives: edge_subsets.EdgePrimitives | None = field(
        default=None, hash=False
    )
    none_selectable: bool = False
    output: str = "concat"
    normalize_pools: bool = True
    skeleton: stages.Stages | None = None

    def __post_init__(self) -> None:
        primitives = _names(self.primitives)
        if len(set(primitives)) != len(primitives) or primitives == (NONE,):
            raise ValueError(
                f'`primitives` must be distinct and not `"{NONE}"` alone. '
                f"Received: primitives={primitives}"
            )
        cell_types = checks.sequence(self.cell_types, "cell_types")
        if cell_types not in _CELL_TYPES:
            raise ValueError(
                f"`cell_types` must be one of {_CELL_TYPES}. "
                f"Received: cell_types={reprlib.repr(cell_types)}"
            )
        object.__setattr__(self, "primitives", primitives)
        object.__setattr__(self, "cell_types", cell_types)
        for name, high in (
            ("num_nodes", checks.MAX_NODES),
            ("num_inputs", checks.MAX_NODES),
            ("edges_per_node", 2 * checks.MAX_NODES),
        ):
            value = checks.integer(getattr(self, name), name, 1, high)
            object.__setattr__(self, name, value)
        self._check_form()
        subsets = edge_subsets.complete(
            self.edge_primitives,
            self.cell_types,
            len(self.edges),
            primitives,
            None if self.none_selectable else NONE,
        )
        object.__setattr__(self, "edge_primitives", subsets)

    def _check_form(self) -> None:
        """Checks what makes a space another one than those of the paper."""
        for name in ("none_selectable", "normalize_pools"):
            checks.boolean(getattr(self, name), name)
        if self.output not in _OUTPUTS:
            raise ValueError(
                f"`output` must be one of {_OUTPUTS}. "
                f"Received: output={reprlib.repr(self.output)}"
            )
        if self.none_selectable and NONE not in self.primitives:
            raise ValueError(
                f'`none_selectable` needs "{NONE}" among the primitives. '
                f"Received: primitives={self.primitives}"
            )
        object.__setattr__(self, "skeleton", stages.given(self.skeleton))
        if self.skeleton is not None and self.cell_types != ("normal",):
            raise ValueError(
                "A skeleton of stages is one of normal cells alone. "
                f"Received: cell_types={self.cell_types}"
            )
        if self.kind == "recurrent":
            for name, default in _FORM.items():
                if getattr(self, name) != default:
                    raise ValueError(
                        f"`{name}` applies to convolutional cells. Received: "
                        f"{name}={getattr(self, name)!r} with "
                        f"cell_types={self.cell_types}"
                    )

    @classmethod
    def conv(
        cls,
        primitives: Sequence[str] = paper.ConvSearch.primitives,
        num_nodes: int = 4,
        edge_primitives: edge_subsets.EdgePrimitives | None = None,
    ) -> "SearchSpace":
        """Returns the paper's space of convolutional cells, or one like it.

        Args:
            primitives: Strings, the names of the operations. Defaults to the
                eight of the paper.
            num_nodes: Integer, the number of intermediate nodes. Defaults to
                `4`.
            edge_primitives: Optional dictionary, the primitives of each edge,
                as for the constructor. Defaults to `None`, all.

        Example:

        >>> darts_tf.SearchSpace.conv().alphas_shape
        (14, 8)
        >>> space = darts_tf.SearchSpace.conv(
        ...     ["none", "skip_connect", "sep_conv_3x3"],
        ...     num_nodes=1,
        ...     edge_primitives={"normal": [["skip_connect"], None]},
        ... )
        >>> space.count_cells("normal"), space.count_cells("reduction")
        (2, 4)
        """
        return cls(
            primitives=_names(primitives),
            num_nodes=num_nodes,
            num_inputs=2,
            cell_types=("normal", "reduction"),
            edges_per_node=2,
            edge_primitives=edge_primitives,
        )

    @classmethod
    def recurrent(
        cls,
        primitives: Sequence[str] = paper.RecurrentSearch.primitives,
        num_nodes: int = 8,
        edge_primitives: edge_subsets.EdgePrimitives | None = None,
    ) -> "SearchSpace":
        """Returns the paper's space of recurrent cells, or one like it.

        Args:
            primitives: Strings, the names of the activations. Defaults to the
                five of the paper.
            num_nodes: Integer, the number of searched nodes. Defaults to `8`.
            edge_primitives: Optional dictionary, the primitives of each edge,
                as for the constructor. Defaults to `None`, all.

        Example:

        >>> darts_tf.SearchSpace.recurrent().alphas_shape
        (36, 5)
        """
        return cls(
            primitives=_names(primitives),
            num_nodes=num_nodes,
            num_inputs=1,
            cell_types=("recurrent",),
            edges_per_node=1,
            edge_primitives=edge_primitives,
        )

    @classmethod
    def nas_bench_201(cls) -> "SearchSpace":
        """Returns the space of NAS-Bench-201: 15,625 cells with known results.

        A cell has one input and three more nodes. Each of its six edges is
        kept and holds one of five operations, `"none"` among them; the last
        node is the output. Three stages of such cells make the network.

        Example:

        >>> space = darts_tf.SearchSpace.nas_bench_201()
        >>> space.edges
        ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
        >>> space.count_cells()
        15625

        Reference:
            Dong and Yang, "NAS-Bench-201", arXiv:2001.00326.
        """
        return cls(
            primitives=_NAS_BENCH_201,
            num_nodes=3,
            num_inputs=1,
            cell_types=("normal",),
            edges_per_node=3,
            none_selectable=True,
            output="last",
            normalize_pools=False,
            skeleton=stages.Stages(),
        )

    @property
    def kind(self) -> str:
        """The kind of network: `"conv"` or `"recurrent"`."""
        return "recurrent" if "recurrent" in self.cell_types else "conv"

    @property
    def nodes(self) -> range:
        """The indices of the intermediate nodes."""
        return range(self.num_inputs, self.num_inputs + self.num_nodes)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Each edge as `(source, target)`, in the order of `alphas`' rows."""
        return tuple(
            (source, target)
            for target in self.nodes
            for source in range(target)
        )

    @property
    def alphas_shape(self) -> tuple[int, int]:
        """The shape of one cell's `alphas`, `(num_edges, num_primitives)`."""
        return len(self.edges), len(self.primitives)

    @property
    def concat(self) -> tuple[int, ...]:
        """The nodes that are joined in the output: all, or the last one."""
        return tuple(self.nodes if self.output == "concat" else self.nodes[-1:])

    @property
    def candidates(self) -> tuple[str, ...]:
        """The primitives that a genotype may hold.

        All of them; without `"none"`, unless that is selectable.
        """
        return self._selectable(self.primitives)

    def _selectable(self, primitives: tuple[str, ...]) -> tuple[str, ...]:
        if self.none_selectable:
            return primitives
        return tuple(name for name in primitives if name != NONE)

    def primitives_on(
        self, cell_type: str, source: int, target: int
    ) -> tuple[str, ...]:
        """Returns the primitives of one edge, in the order of `primitives`.

        Args:
            cell_type: String, one of `cell_types`.
            source: Integer, the node that the edge leaves.
            target: Integer, the intermediate node that it enters.

        Raises:
            ValueError: If the space has no such cell or edge.
        """
        if cell_type not in self.cell_types:
            raise ValueError(
                f"`cell_type` must be one of {self.cell_types}. "
                f"Received: cell_type={cell_type!r}"
            )
        row = self.edge_index(source, target)
        if self.edge_primitives is None:
            return self.primitives
        return tuple(self.edge_primitives[cell_type][row] or ())

    def candidates_on(
        self, cell_type: str, source: int, target: int
    ) -> tuple[str, ...]:
        """Returns what a genotype may hold on one edge.

        It is what `primitives_on` returns, without `"none"` unless that is
        selectable.

        Args:
            cell_type: String, one of `cell_types`.
            source: Integer, the node that the edge leaves.
            target: Integer, the intermediate node that it enters.

        Raises:
            ValueError: If the space has no such cell or edge.
        """
        return self._selectable(self.primitives_on(cell_type, source, target))

    def mask(self, cell_type: str) -> npt.NDArray[np.bool_]:
        """Returns which primitives are on which edges.

        Args:
            cell_type: String, one of `cell_types`.

        Returns:
            Boolean array of shape `alphas_shape`.

        Example:

        >>> space = darts_tf.SearchSpace.recurrent(
        ...     ["tanh", "relu"], 1, edge_primitives={"recurrent": [["relu"]]}
        ... )
        >>> space.mask("recurrent").tolist()
        [[False, True]]
        """
        return np.array(
            [
                [
                    name in self.primitives_on(cell_type, *edge)
                    for name in self.primitives
                ]
                for edge in self.edges
            ]
        )

    def edge_index(self, source: int, target: int) -> int:
        """Returns the row of `alphas` that belongs to an edge.

        Args:
            source: Integer, the node that the edge leaves.
            target: Integer, the intermediate node that it enters.

        Raises:
            ValueError: If the space has no such edge.
        """
        if (source, target) not in self.edges:
            raise ValueError(
                "An edge must lead from a node to a later intermediate node "
                f"in {self.concat}. Received: source={source}, target={target}"
            )
        return self.edges.index((source, target))

    def num_kept_edges(self, node: int) -> int:
        """Returns how many edges of an intermediate node a genotype has.

        Args:
            node: Integer, the index of the node.
        """
        return min(self.edges_per_node, node)

    def count_cells(self, cell_type: str | None = None) -> int:
        """Returns the number of cells, counted as in the paper.

        Two cells count as different if a node has a different set of edges.
        The order of a node's edges does not matter, `"none"` is chosen only
        where it is selectable, and cells that differ in the numbering of nodes
        count separately.

        Args:
            cell_type: String, one of `cell_types`. Defaults to `None`, the
                first of them; where `edge_primitives` is `None` they are all
                alike.

        Example:

        >>> darts_tf.SearchSpace.conv().count_cells()
        1037664180

        Reference:
            The complexity analysis in the appendix of the DARTS paper,
            arXiv:1806.09055.
        """
        if cell_type is None:
            cell_type = self.cell_types[0]
        return math.prod(
            edge_subsets.count_choices(
                membership.num_candidates(self, cell_type, node),
                self.num_kept_edges(node),
            )
            for node in self.nodes
        )

    def count_genotypes(self) -> int:
        """Returns the number of genotypes: one cell of each type, freely."""
        return math.prod(map(self.count_cells, self.cell_types))

    def random_genotype(self, seed: int) -> genotype_lib.Genotype:
        """Draws one of the genotypes, each with the same probability.

        Args:
            seed: Integer, not negative. The same seed gives the same
                genotype.

        Returns:
            A `Genotype` whose edges at each node stand in the order of their
            sources.

        Raises:
            ValueError: If the seed is no such integer.

        Example:

        >>> space = darts_tf.SearchSpace.conv()
        >>> space.random_genotype(seed=1) == space.random_genotype(seed=1)
        True
        """
        seed = checks.integer(seed, "seed", 0, 2**63 - 1)
        generator = np.random.default_rng(seed)
        return genotype_lib.Genotype(
            **{
                name: membership.draw(self, name, generator)
                for name in self.cell_types
            }
        )

    def validate(self, genotype: genotype_lib.Genotype) -> None:
        """Raises an error if a genotype does not belong to the space.

        The genotypes that pass are those that `count_genotypes` counts.

        Args:
            genotype: `Genotype`.

        Raises:
            ValueError: If the genotype has other cells, nodes, inputs, edges
                or operations than the space allows.
        """
        membership.check(self, genotype)

    def get_config(self) -> dict[str, object]:
        """Returns the constructor's arguments as plain JSON types."""
        config: dict[str, object] = {
            "primitives": list(self.primitives),
            "num_nodes": self.num_nodes,
            "num_inputs": self.num_inputs,
            "cell_types": list(self.cell_types),
            "edges_per_node": self.edges_per_node,
            "edge_primitives": edge_subsets.to_json(self.edge_primitives),
        }
        # The config of the paper's spaces stays what it was in older files.
        for name, default in _FORM.items():
            value = getattr(self, name)
            if value != default:
                config[name] = (
                    value.get_config()
                    if isinstance(value, stages.Stages)
                    else value
                )
        return config

    @classmethod
    def from_config(cls, config: object) -> "SearchSpace":
        """Returns the space that `get_config` wrote.

        Args:
            config: Mapping of the constructor's arguments, and nothing else.

        Raises:
            ValueError: If a key is missing or unknown, or a value is wrong.
        """
        required = [f.name for f in fields(cls) if f.default is MISSING]
        optional = [f.name for f in fields(cls) if f.default is not MISSING]
        values = checks.mapping(config, "config", required, optional)
        return cls(**values)  # pyright: ignore (the constructor checks)


# What the paper's convolutional and recurrent spaces have in common.
_FORM: dict[str, object] = {
    "none_selectable": False,
    "output": "concat",
    "normalize_pools": True,
    "skeleton": None,
}


def _names(primitives: object) -> tuple[str, ...]:
    return tuple(
        checks.text_name(primitive, f"primitives[{k}]")
        for k, primitive in enumerate(checks.sequence(primitives, "primitives"))
    )
