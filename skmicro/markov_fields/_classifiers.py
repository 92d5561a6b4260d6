"""Classifiers as the sampling asks them: trees as arrays, all others as they are.

Trees are asked by steps through all voxels at once, without the checks that ``predict_proba``
makes in every call, and their arrays are kept in files without pickle.
"""

from typing import ClassVar

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from ..registry import Persistent
from ..rules import array_of, integer

CLASSIFIERS_IN_FILES = {
    cls.__name__: cls
    for cls in (
        DecisionTreeClassifier,
        ExtraTreeClassifier,
        RandomForestClassifier,
        ExtraTreesClassifier,
    )
}

LEVELS_BETWEEN = 4  # of a tree, after which those that came to a leaf are left out


def as_probabilities(classifier, n_classes):
    """Return a function for the probabilities of the classes 0, 1, ... of a fitted classifier.

    Its training may have lacked some of the classes.
    """
    if type(classifier) in CLASSIFIERS_IN_FILES.values():
        return TreeProbabilities(classifier, n_classes)
    return OtherProbabilities(classifier, n_classes)


class TreeProbabilities(Persistent):
    """Class probabilities of a decision tree, or the mean of those of a forest.

    Parameters
    ----------
    classifier : estimator instance
        A fitted tree or forest of scikit-learn.
    n_classes : int
        Number of classes 0, 1, ....

    Attributes
    ----------
    roots : ndarray of shape (n_trees,)
        First node of each tree.
    features : ndarray of shape (n_nodes,)
        Feature that a node looks at.
    thresholds : ndarray of shape (n_nodes,)
        Where the feature is larger, the way goes to the second child.
    children : ndarray of shape (2 * n_nodes,)
        Both children, side by side; a leaf is its own.
    probabilities : ndarray of shape (n_nodes, n_classes)
        Shares of the classes in each node.
    depth : int
        Longest way to a leaf.
    """

    _kept: ClassVar = ("children", "depth", "features", "probabilities", "roots", "thresholds")
    _values: ClassVar = {
        "children": array_of("i"),
        "depth": integer(0),
        "features": array_of("i"),
        "probabilities": array_of("f", 2),
        "roots": array_of("i"),
        "thresholds": array_of("f"),
    }

    def __init__(self, classifier, n_classes):
        trees = [tree.tree_ for tree in getattr(classifier, "estimators_", [classifier])]
        sizes = np.array([tree.node_count for tree in trees])
        self.roots = np.cumsum(sizes) - sizes
        self.depth = int(max(tree.max_depth for tree in trees))
        children = []
        for root, tree in zip(self.roots, trees, strict=True):
            both = np.stack([tree.children_left, tree.children_right], axis=1)
            itself = np.arange(tree.node_count)[:, None]
            children.append(np.where(both < 0, itself, both) + root)
        self.children = np.concatenate(children).ravel()
        self.features = np.concatenate([tree.feature for tree in trees]).clip(0)
        self.thresholds = np.concatenate([tree.threshold for tree in trees])
        shares = np.concatenate([tree.value[:, 0] for tree in trees])
        self.probabilities = np.zeros((len(shares), n_classes))
        self.probabilities[:, classifier.classes_] = shares / shares.sum(axis=1, keepdims=True)

    @classmethod
    def _known(cls, state):
        """Return a state in which all ways lead from node to node, and end."""
        state = super()._known(state)
        n_nodes, children, roots = len(state["features"]), state["children"], state["roots"]
        nodes = np.concatenate([children, roots])
        inside = ((nodes >= 0) & (nodes < n_nodes)).all() and len(children) == 2 * n_nodes
        lengths = {len(state["thresholds"]), len(state["probabilities"])}
        if not inside or lengths != {n_nodes} or state["depth"] > n_nodes:
            raise ValueError("children, roots and depth must be those of trees.")
        return state

    def __call__(self, values, places):
        """Return the probabilities of m voxels in each of n images.

        Parameters
        ----------
        values : ndarray of shape (n, n_values), float32
            Values of the voxels of each image.
        places : ndarray of shape (m, n_features)
            Where the features of each voxel are among them.

        Returns
        -------
        probabilities : ndarray of shape (n, m, n_classes)
            Means over the trees.
        """
        (n, n_values), (m, n_features) = values.shape, places.shape
        image = np.repeat(np.arange(n) * n_values, m)
        voxel = np.tile(np.arange(m) * n_features, n)
        values, places, total = values.reshape(-1), places.reshape(-1), 0.0
        for root in self.roots:
            leaves = self._leaves(root, values, places, image, voxel)
            total = total + self.probabilities.take(leaves, axis=0)
        return (total / len(self.roots)).reshape(n, m, -1)

    def _leaves(self, root, values, places, image, voxel):
        """Return the leaf that each voxel of each image comes to in one tree."""
        leaves, rows = np.full(len(image), root), np.arange(len(image))
        node = leaves
        for level in range(self.depth):
            place = places.take(voxel + self.features.take(node))
            right = values.take(image + place) > self.thresholds.take(node)
            node = self.children.take(2 * node + right)
            if level % LEVELS_BETWEEN == LEVELS_BETWEEN - 1 or level == self.depth - 1:
                leaves[rows] = node
                going = np.flatnonzero(self.children.take(2 * node) != node)
                rows, node = rows.take(going), node.take(going)
                image, voxel = image.take(going), voxel.take(going)
        return leaves


class OtherProbabilities:
    """Class probabilities of any classifier; parameters as in :class:`TreeProbabilities`."""

    def __init__(self, classifier, n_classes):
        self.classifier, self.n_classes = classifier, n_classes

    def __call__(self, values, places):
        """Return the probabilities (n, m, n_classes); see :class:`TreeProbabilities`."""
        features = with_a_column(values[:, places].reshape(-1, places.shape[1]))
        told = np.asarray(self.classifier.predict_proba(features), dtype=np.float64)
        probabilities = np.zeros((len(features), self.n_classes))
        probabilities[:, self.classifier.classes_] = told
        return probabilities.reshape(len(values), len(places), -1)


def with_a_column(features):
    """Return features, or a column of zeros where there are none: classifiers want one."""
    return features if features.shape[1] > 0 else np.zeros((len(features), 1), np.float32)
