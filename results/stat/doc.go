// Package stat turns what was measured by block into a claim, or into the
// statement that there is none.
//
// Its stance: the block is the unit, never the request. Arms are compared in
// pairs, within a block, so what the machine did to all of them cancels. Every
// test and interval of a comparison is exact, at any number of blocks: few
// blocks are the rule here, and a normal approximation is wrong exactly there.
// Ties and zeros are kept and reckoned with, not dropped or jittered. An interval
// is the test turned around, with ties and zeros too. Where the blocks are too
// few for the level asked for, there is no interval, and none is made up: it is
// unbounded and says so.
//
// What may be said of a comparison is decided here too (CompareAll), from the run
// alone: whoever prints, draws or decides says the same.
//
// All functions are pure: no input is changed, nothing is printed, nothing is
// random. Bad input (NaN, infinities, slices of unequal length) is an error that
// names the index, counted from 0.
//
// Equal means equal as float64. Pass numbers in the unit they were recorded in
// (whole nanoseconds), where what was measured as equal is equal; after a
// division by 1000 a tie may be none.
//
// How much all this is worth is simulated in the tests, from blocks that were
// measured (testdata/aa-blocks.json), and measured by authbench selfcheck.
//
// What was rejected: the bootstrap (with a dozen blocks its intervals are too
// short, and it needs a seed), Student's t (one bad block moves mean and spread
// alike), and discarding zeros before ranking, by which raising a value from
// below zero to zero can lose significance (Pratt 1959 has the example; it is in
// the tests).
//
// Sources:
//
//   - Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1
//     (1945) 80-83
//   - Pratt, Remarks on zeros and ties in the Wilcoxon signed rank procedures,
//     JASA 54 (1959) 655-667
//   - Hodges and Lehmann, Estimates of location based on rank tests, Annals of
//     Mathematical Statistics 34 (1963) 598-611
//   - Hollander and Wolfe, Nonparametric Statistical Methods, 2nd edition, Wiley
//     1999: chapter 3 (signed ranks), chapter 9 (Theil's slope)
//   - Holm, A simple sequentially rejective multiple test procedure, Scandinavian
//     Journal of Statistics 6 (1979) 65-70
//   - Wilson, Probable inference, the law of succession, and statistical
//     inference, JASA 22 (1927) 209-212
//   - Hanley and Lippman-Hand, If nothing goes wrong, is everything all right? JAMA
//     249 (1983) 1743-1745
//   - Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63
//     (1968) 1379-1389
package stat
