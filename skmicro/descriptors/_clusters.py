"""Cluster statistics: the connected components of a phase, counted and measured."""

import numpy as np
import torch

from ._labelling import join_across_borders, label_stack, phase_mask
from ._masked_clusters import statistics_of_known
from ._phase import ConnectedDescriptor, EdgeCorrectedDescriptor, SpacedDescriptor


class ClusterStatistics(SpacedDescriptor, EdgeCorrectedDescriptor, ConnectedDescriptor):
    """Number, size and percolation of the clusters of one phase.

    A cluster is a connected component. The four features are

    - ``clusters_number``: clusters per volume, by default per voxel;
    - ``clusters_mean_size``: mean size of the cluster that a random voxel of the phase
      lies in, a volume, by default in voxels;
    - ``clusters_largest_share``: share of the phase that lies in the largest cluster;
    - ``clusters_percolation``: share of the axes along which a cluster percolates.

    Images without the phase have 0 in all of them.

    See Also
    --------
    EulerNumber : Clusters minus holes, with gradients.
    LinealPath : Connectedness along straight lines, with gradients.

    Notes
    -----
    With clusters of sizes s the mean size is ``sum s^2 / sum s``, as in percolation theory
    [1]_: each cluster weighs as much as it is large. A cluster percolates along an axis
    if, within the image and without its wrap, it has voxels on both faces that end the
    axis. Sides of one pixel are ignored.

    *Borders.* In images that do not wrap around, the number is that of a material of which the
    image is a window: clusters that touch the border are left out, and one of e_i voxels along
    the axes i weighs ``prod_i L_i / (L_i - 1 - e_i)``, the inverse of its chance to lie inside
    [2]_ [3]_. The mean over windows of one material is then its number of clusters small enough
    to lie inside; those that percolate are not counted. Without ``edge_correction`` it is the
    number of pieces as they were cut.

    *Mean size, largest share and percolation are not corrected for borders*: they are those of the
    pieces in the image in any case, and a cluster that the border cuts counts with what lies
    inside. No unbiased estimate of them exists without the shapes of clusters beyond the window.
    The weights of the number know only clusters that fit into it, while in the mean size a cluster
    weighs as much as it is large: they would leave out those that matter most, and the mean size
    would fall where the phase begins to percolate. Largest share and percolation are no means over
    a material at all, but depend on how much of it there is. The mean size grows with the window
    up to the size of the clusters, without end where they percolate; the largest share and the
    percolation fall with it where they do not. Compare them between images of one size only, or
    take images that are many times as large as the clusters.

    Unknown voxels, masked or NaN, are a border, of periodic images as well: clusters end there, the
    number is one per known voxel, and clusters percolate between the first and the last known
    layers. In windows those clusters count in whose box, and one layer around it, all voxels are
    known; each weighs the inverse of the number of places where such a box would lie.

    Counts have no gradient. The descriptor is not ``differentiable``: it refuses tensors
    that require one, and is neither an invariance of training nor a target of sampling.
    Called with probabilities it takes the most probable phase of each voxel. Grey images
    have the phase where the level is at least 1/2.

    References
    ----------
    .. [1] D. Stauffer and A. Aharony, *Introduction to Percolation Theory*, 2nd ed.,
       Taylor and Francis, 1994.
    .. [2] R. E. Miles, "On the elimination of edge effects in planar sampling", in *Stochastic
       Geometry*, Wiley, 1974.
    .. [3] C. Lantuejoul, "On the estimation of mean values in individual analysis of particles",
       Microsc. Acta Suppl. 4, 266-273, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import ClusterStatistics
    >>> line_and_dot = np.array([[[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]])
    >>> ClusterStatistics(periodic=True).fit_transform(line_and_dot)
    array([[0.125, 3.4  , 0.8  , 0.5  ]], dtype=float32)
    """

    name = "clusters"
    differentiable = False
    takes_unknown = True

    def _describe(self, images, known=None):
        mask = phase_mask(self, images)
        options, borders = {"corners": self._corners}, self._borders
        if known is None:
            statistics = cluster_statistics(mask, **options, **borders)
        else:
            known = known.cpu().numpy() > 0
            mask &= known
            as_cut = cluster_statistics(mask, **options, **(borders | {"edge_correction": False}))
            windows = self.edge_correction and not self._wraps
            statistics = statistics_of_known(as_cut, mask, known, windows=windows, **options)
        volume = self._voxel_volume(images.shape[2:])
        statistics = statistics * [1 / volume, volume, 1.0, 1.0]
        return torch.as_tensor(statistics, dtype=images.dtype, device=images.device)

    def _feature_names(self):
        statistics = ("number", "mean_size", "largest_share", "percolation")
        return [f"{self.name}_{statistic}" for statistic in statistics]

    def _target_bounds(self):
        return 0.0, super()._target_bounds()[1]


def cluster_statistics(mask, *, periodic=True, edge_correction=True, corners=False):
    """Return number, mean size, largest share and percolation of the clusters, (n, 4).

    In ``periodic`` images clusters go on across the border; others are windows of a material or,
    without ``edge_correction``, show all clusters there are. With ``corners`` voxels that share no
    more than a corner are connected.
    """
    n_images, n_voxels = len(mask), mask[0].size
    labels, n_labels = label_stack(mask, corners)
    image_of = _images_of(labels, n_labels)
    percolation = _percolation(labels, image_of, n_images)

    clusters = np.arange(n_labels)
    if periodic:
        clusters = join_across_borders(labels, n_labels, corners)
    sizes = np.bincount(clusters, weights=np.bincount(labels.ravel(), minlength=n_labels + 1)[1:])
    owner = np.empty(len(sizes), dtype=np.intp)
    owner[clusters] = image_of
    number, volume, squares = (
        np.bincount(owner, weights=sizes**power, minlength=n_images) for power in range(3)
    )
    largest = np.zeros(n_images)
    np.maximum.at(largest, owner, sizes)
    volume = np.maximum(volume, 1)
    if edge_correction and not periodic:
        number = np.bincount(image_of, weights=_edge_weights(labels, n_labels), minlength=n_images)
    return np.stack([number / n_voxels, squares / volume, largest / volume, percolation], axis=1)


def cluster_numbers(mask, *, periodic=True, edge_correction=True, corners=False):
    """Return the number of clusters in each image, (n,); options of :func:`cluster_statistics`."""
    labels, n_labels = label_stack(mask, corners)
    image_of, weights = _images_of(labels, n_labels), None
    if periodic:
        _, first = np.unique(join_across_borders(labels, n_labels, corners), return_index=True)
        image_of = image_of[first]
    elif edge_correction:
        weights = _edge_weights(labels, n_labels)
    return np.bincount(image_of, weights=weights, minlength=len(mask))


def enclosed_numbers(mask, *, edge_correction=True, corners=False):
    """Return how many clusters in images that do not wrap around touch no border, (n,).

    With ``edge_correction`` it is the number of a material of which the images are windows.
    """
    labels, n_labels = label_stack(mask, corners)
    weights = _inside(labels, n_labels, range(1, labels.ndim)).astype(float)
    if edge_correction:
        weights *= _edge_weights(labels, n_labels)
    return np.bincount(_images_of(labels, n_labels), weights=weights, minlength=len(mask))


def _images_of(labels, n_labels):
    """Return the image that each label lies in, (n_labels,)."""
    image_of = np.empty(n_labels + 1, dtype=np.intp)
    image_of[labels.reshape(len(labels), -1)] = np.arange(len(labels))[:, None]
    return image_of[1:]


def _inside(labels, n_labels, axes):
    """Tell which labels touch no border across the axes, (n_labels,)."""
    inside = np.ones(n_labels + 1, dtype=bool)
    for axis in axes:
        for end in (0, -1):
            inside[labels.take(end, axis)] = False
    return inside[1:]


def _edge_weights(labels, n_labels):
    """Return the inverse of the chance of each cluster to lie inside a window, 0 at the border.

    Axes without room for any cluster beside the border, of up to two voxels, do not count.
    """
    thick = [axis for axis in range(1, labels.ndim) if labels.shape[axis] > 2]
    inside = np.append(False, _inside(labels, n_labels, thick))
    weights = inside[1:].astype(float)
    where = np.flatnonzero(inside[labels]).astype(np.int32 if labels.size < 2**31 else np.int64)
    cluster = labels.ravel()[where]
    for axis in range(labels.ndim - 1, 0, -1):
        side = labels.shape[axis]
        rest = where // side
        line, where = where - rest * side, rest
        if axis in thick:
            first = np.full(n_labels + 1, side, dtype=line.dtype)
            last = np.zeros(n_labels + 1, dtype=line.dtype)
            np.minimum.at(first, cluster, line)
            np.maximum.at(last, cluster, line)
            places = side - 2 - last + first  # side - 1 minus the extent
            weights *= side / np.maximum(places, 1)[1:]
    return weights


def _percolation(labels, image_of, n_images):
    """Return the share of the axes whose two end faces have a label in common."""
    n_axes = labels.ndim - 1
    share = np.zeros(n_images)
    for axis in range(1, n_axes + 1):
        touches = np.zeros((2, len(image_of) + 1), dtype=bool)
        for end in (0, -1):
            touches[end, labels.take(end, axis)] = True
        spanning = touches.all(axis=0)[1:]
        share += np.bincount(image_of[spanning], minlength=n_images) > 0
    return share / n_axes
