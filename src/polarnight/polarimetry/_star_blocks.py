"""Generalized least squares of vectors (q, u) whose errors are common within stars.

The covariance of the data is ``B + D (S + a I) D^T + c I``: errors B of each vector, errors S of
each star's literature that reach its vectors through the 2 x 2 matrices D, a scatter of variance
a from star to star and one of variance c from vector to vector. It falls apart into a block for
each star, and a block differs from 2 x 2 matrices on its diagonal by a matrix of rank two, so
that its inverse is known (Woodbury): work and memory grow as the number of vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = ["LinearFit", "StarBlocks"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A generalized least-squares fit.

    Attributes
    ----------
    step : ndarray, shape (k,)
        The parameters (in a Gauss-Newton iteration, the change of them).
    cov : ndarray, shape (k, k)
    weighted : ndarray, shape (n, 2, k)
        ``W J``, W the inverse of the covariance of the data and J the derivatives.
    pulled : ndarray, shape (n, 2)
        ``W (r - J step)``: what is left in units of the covariance.
    chi2 : float
        Of what is left.
    log_likelihood : float
        Restricted, up to a constant.
    inverse : _Inverse
        W in its parts.
    """

    step: FloatArray
    cov: FloatArray
    weighted: FloatArray
    pulled: FloatArray
    chi2: float
    log_likelihood: float
    inverse: _Inverse


@dataclass(frozen=True, eq=False)
class _Inverse:
    """``W = B^-1 - V M V^T`` star by star, with ``V = B^-1 D`` and ``A = D^T V``."""

    own: FloatArray  # B^-1, (n, 2, 2)
    side: FloatArray  # V, (n, 2, 2)
    inner: FloatArray  # A, (stars, 2, 2)
    middle: FloatArray  # M, (stars, 2, 2)
    log_det: float


class StarBlocks:
    """Residuals, derivatives and errors of vectors that belong to stars.

    Parameters
    ----------
    jacobian : ndarray, shape (n, 2, k)
    residuals : ndarray, shape (n, 2)
    noise : ndarray, shape (n, 2, 2)
        Errors of the vectors themselves.
    design : ndarray, shape (n, 2, 2)
        Derivatives of each vector by the (q, u) of its star.
    star : ndarray of int, shape (n,)
        Which of the stars.
    star_cov : ndarray, shape (stars, 2, 2)
        Errors of the literature.
    """

    def __init__(
        self,
        jacobian: FloatArray,
        residuals: FloatArray,
        noise: FloatArray,
        design: FloatArray,
        star: npt.NDArray[np.int_],
        star_cov: FloatArray,
    ) -> None:
        self.jacobian, self.residuals = jacobian, residuals
        self.noise, self.design = noise, design
        self.star, self.star_cov = star, star_cov
        self._turned = _turned(design)
        count = len(star)
        place = (star, np.arange(count))
        self._members = sparse.csr_array((np.ones(count), place), shape=(len(star_cov), count))

    def by_star(self, values: FloatArray) -> FloatArray:
        """Return the sums of something over the vectors of each star."""
        total = self._members @ values.reshape(len(values), -1)
        return np.asarray(total).reshape(len(self.star_cov), *values.shape[1:])

    def _inverse(self, variances: FloatArray) -> _Inverse:
        unit = np.eye(2)
        own, determinant = _inverses(self.noise + variances[1] * unit)
        log_det = float(np.sum(np.log(determinant)))
        side = _times(own, self.design)
        inner = self.by_star(_times(self._turned, side))
        spread = self.star_cov + variances[0] * unit
        mixed = unit + spread @ inner
        sign, size = np.linalg.slogdet(mixed)
        if not np.all(sign > 0):
            msg = "the covariance of a star is not positive"
            raise np.linalg.LinAlgError(msg)
        middle = np.linalg.solve(mixed, spread)
        middle = 0.5 * (middle + np.swapaxes(middle, 1, 2))
        return _Inverse(own, side, inner, middle, log_det + float(np.sum(size)))

    def _weigh(self, inverse: _Inverse, columns: FloatArray) -> FloatArray:
        """Return W times some columns, shape (n, 2, m)."""
        reach = self.by_star(_times(_turned(inverse.side), columns))
        own = _times(inverse.own, columns)
        return own - _times(inverse.side, (inverse.middle @ reach)[self.star])

    def solve(self, variances: FloatArray) -> LinearFit:
        """Fit ``residuals = jacobian @ step``, for variances from star to star and of vectors.

        Raises
        ------
        numpy.linalg.LinAlgError
            Where the covariance is not positive or the data do not determine the parameters.
        """
        inverse = self._inverse(variances)
        size = self.jacobian.shape[2]
        both = np.concatenate([self.jacobian, self.residuals[:, :, None]], axis=2)
        weighted = self._weigh(inverse, both)
        normal = _product(self.jacobian, weighted[:, :, :size])
        normal = 0.5 * (normal + normal.T)
        right = _product(self.jacobian, weighted[:, :, size:])[:, 0]
        # Columns of very different size (degrees and fractions) are brought to one first.
        scale = np.sqrt(np.diag(normal))
        if not np.all(scale > 0):
            msg = "a parameter that no datum depends on"
            raise np.linalg.LinAlgError(msg)
        root = np.linalg.cholesky(normal / np.outer(scale, scale))
        back = np.linalg.inv(root) / scale
        cov = back.T @ back
        log_normal = 2.0 * float(np.sum(np.log(np.diag(root))) + np.sum(np.log(scale)))
        step = cov @ right
        pulled = weighted[:, :, size] - weighted[:, :, :size] @ step
        left = self.residuals - self.jacobian @ step
        chi2 = float(np.sum(left * pulled))
        likelihood = -0.5 * (inverse.log_det + log_normal + chi2)
        return LinearFit(step, cov, weighted[:, :, :size], pulled, chi2, likelihood, inverse)

    # -- derivatives of the likelihood by the two variances --------------------------------

    def _component(self, index: int, columns: FloatArray) -> FloatArray:
        """Return the matrix of a component (0: stars, 1: vectors) times columns (n, 2, m)."""
        if index == 1:
            return columns
        reach = self.by_star(_times(self._turned, columns))
        return _times(self.design, reach[self.star])

    def slopes(self, fit: LinearFit, component: int) -> FloatArray:
        """Return the derivative of the parameters' covariance by a variance, shape (k, k)."""
        moved = self._component(component, fit.weighted)
        return np.asarray(fit.cov @ _product(fit.weighted, moved) @ fit.cov)

    def derivatives(
        self, fit: LinearFit, components: Sequence[int]
    ) -> tuple[FloatArray, FloatArray]:
        """Return score and expected information of the variances of some components."""
        moved = {index: self._component(index, fit.weighted) for index in components}
        crossed = {index: fit.cov @ _product(fit.weighted, moved[index]) for index in components}
        first, second = self._traces(fit.inverse)
        pulled = fit.pulled[:, :, None]
        score = [
            0.5
            * (
                float(np.sum(pulled * self._component(index, pulled)))
                - first[index]
                + float(np.trace(crossed[index]))
            )
            for index in components
        ]
        weighed = {index: self._weigh(fit.inverse, moved[index]) for index in components}
        information = [
            [
                0.5
                * (
                    second[one][other]
                    - 2.0 * float(np.sum(fit.cov * _product(moved[one], weighed[other])))
                    + float(np.sum(crossed[one] * crossed[other].T))
                )
                for other in components
            ]
            for one in components
        ]
        return np.array(score), np.array(information)

    def _traces(self, inverse: _Inverse) -> tuple[FloatArray, FloatArray]:
        """Return the traces of ``W K_i`` and of ``W K_i W K_j``."""
        inner, middle, side = inverse.inner, inverse.middle, inverse.side
        turned = _turned(side)
        among = inner - inner @ middle @ inner  # D^T W D
        squared = self.by_star(_times(turned, side))
        cubed = self.by_star(_times(turned, _times(inverse.own, side)))
        reach = side - _times(side, (middle @ inner)[self.star])  # W D
        both = float(np.sum(reach**2))
        alone = float(np.trace(inverse.own, axis1=1, axis2=2).sum())
        alone -= float(np.sum(middle * np.swapaxes(squared, 1, 2)))
        twice = float(np.sum(inverse.own**2))
        twice -= 2.0 * float(np.sum(middle * np.swapaxes(cubed, 1, 2)))
        product = middle @ squared
        twice += float(np.sum(product * np.swapaxes(product, 1, 2)))
        stars = float(np.sum(among * np.swapaxes(among, 1, 2)))
        first = np.array([float(np.trace(among, axis1=1, axis2=2).sum()), alone])
        return first, np.array([[stars, both], [both, twice]])

    # -- vectors that stray ----------------------------------------------------------------

    def shifts(self, fit: LinearFit) -> FloatArray:
        """Return for each vector the squared significance of a shift of its own, shape (n,)."""
        return self._significance(
            fit,
            _times(self._turned, fit.inverse.side),
            _times(self._turned, fit.weighted),
            _times(self._turned, fit.pulled[:, :, None])[:, :, 0],
            self.star,
        )

    def star_shifts(self, fit: LinearFit) -> FloatArray:
        """Return for each star the squared significance of a shift of all its vectors."""
        return self._significance(
            fit,
            fit.inverse.inner,
            self.by_star(_times(self._turned, fit.weighted)),
            self.by_star(_times(self._turned, fit.pulled[:, :, None])[:, :, 0]),
            np.arange(len(self.star_cov)),
        )

    @staticmethod
    def _significance(
        fit: LinearFit,
        inner: FloatArray,
        weighted: FloatArray,
        pulled: FloatArray,
        star: npt.NDArray[np.int_],
    ) -> FloatArray:
        middle = fit.inverse.middle[star]
        normal = inner - inner @ middle @ inner
        normal = normal - weighted @ fit.cov @ np.swapaxes(weighted, 1, 2)
        known = np.linalg.matrix_rank(normal) == 2
        safe = np.where(known[:, None, None], normal, np.eye(2))
        off = np.linalg.solve(safe, pulled[:, :, None])[:, :, 0]
        return np.where(known, np.sum(pulled * off, axis=1), 0.0)


def _times(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the products of many 2 x 2 matrices with as many of shape (2, m)."""
    # Written out: for so small matrices the general product takes several times as long.
    left = first[:, :, :1] * second[:, None, 0, :]
    return np.asarray(left + first[:, :, 1:] * second[:, None, 1, :])


def _turned(matrices: FloatArray) -> FloatArray:
    return np.swapaxes(matrices, 1, 2)


def _product(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the sum over vectors and their two components of products of columns."""
    k, m = first.shape[2], second.shape[2]
    return np.asarray(first.reshape(-1, k).T @ second.reshape(-1, m))


def _inverses(matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the inverses and determinants of positive symmetric 2 x 2 matrices.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where one is not positive.
    """
    qq, uu = matrices[:, 0, 0], matrices[:, 1, 1]
    mixed = matrices[:, 0, 1]
    determinant = qq * uu - mixed * matrices[:, 1, 0]
    if not np.all((qq > 0) & (determinant > 0)):
        msg = "a covariance is not positive"
        raise np.linalg.LinAlgError(msg)
    inverse = np.empty_like(matrices)
    inverse[:, 0, 0], inverse[:, 1, 1] = uu, qq
    inverse[:, 0, 1], inverse[:, 1, 0] = -mixed, -matrices[:, 1, 0]
    return inverse / determinant[:, None, None], determinant
