package stat

import "math"

// normalCDF is the standard normal distribution function.
func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalQuantile is the z with normalCDF(z) = p, for p between 0 and 1.
// math.Erfinv limits it: below 1e-16 it is -Inf.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
