// Package diff compares two runs arm by arm, or two arms of one run, and says which
// change breaks a bound.
//
// # Stance
//
//   - The trial is the unit. Trials are compared by pairs only where pairs were
//     measured: two arms of one run stood side by side in every block. Two runs share
//     no block, whatever their seeds, because a seed repeats the arrivals and not the
//     machine. Their trials are two independent samples, compared by rank.
//   - What a run of another hour shows is the code and the hour. So every change also
//     stands beside that of the control, taken by block within each run: a difference
//     of differences, in which what both share cancels. It can be judged instead.
//   - A change fails if it is beyond the bound, not if it merely differs: the test is
//     of the bound, exact, and adjusted (Holm) for all that was asked. It passes if the
//     whole interval is within the bound. Everything else cannot be told, which is not
//     a pass.
//   - Runs that differ in what their numbers depend on are refused, with a table of the
//     differences.
package diff
