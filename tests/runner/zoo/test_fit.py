import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the extra `models`")


def test_the_closed_form_is_the_ridge_regression_of_scaled_features():
    """Against the normal equations in the features' space; the fit solves in the pictures' space."""
    from runner.zoo.fit import RIDGE, _ridge

    rng = np.random.default_rng(0)
    features = rng.normal(3, [0.5, 1, 2, 4, 8, 16, 32, 64], (5, 8))
    targets = np.eye(5)[:, :3]
    weight, bias = _ridge(torch.from_numpy(features), torch.from_numpy(targets))
    scale = features.std(0, ddof=1) + 1e-6
    scaled = (features - features.mean(0)) / scale
    strength = RIDGE * (scaled**2).sum() / len(features)
    centred = targets - targets.mean(0)
    expected = np.linalg.solve(scaled.T @ scaled + strength * np.eye(8), scaled.T @ centred).T
    logits = features @ weight.double().numpy().T + bias.double().numpy()
    np.testing.assert_allclose(logits, 10 * scaled @ expected.T, rtol=1e-4, atol=1e-4)
    assert (logits[:3].argmax(1) == [0, 1, 2]).all()
