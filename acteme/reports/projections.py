"""Latents in two dimensions."""

import numpy as np
from jaxtyping import Float


def projections(vectors: Float[np.ndarray, "n d"]) -> dict[str, Float[np.ndarray, "n 2"]]:
    """Two-dimensional views of latents: t-SNE (from the first 50 principal components), and the first two of those."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    x = np.asarray(vectors, np.float64)
    if not np.ptp(x, axis=0).any():
        return {"PCA": np.zeros((len(x), 2))}
    components = PCA(min(50, *x.shape), random_state=0).fit_transform(x)
    pair = np.pad(components[:, :2], [(0, 0), (0, max(0, 2 - components.shape[1]))])
    if len(x) < 10:
        return {"PCA": pair}
    near = TSNE(2, perplexity=min(30.0, (len(x) - 1) / 3), init="pca", random_state=0).fit_transform(components)
    return {"t-SNE": near, "PCA": pair}
