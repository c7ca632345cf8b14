// Package report turns a run into something to read: an HTML page, plain text,
// JSON. A format is one file and one line in Formats.
//
// # Stance
//
// A report says what was measured, under which load, and how far the numbers
// can be trusted, in that order of importance turned around: what is partial,
// invalid, not measured or a stand-in comes before any number.
//
//   - The trial is the unit. A value is the median over trials of the trial's own
//     quantile and stands beside its smallest and largest; percentiles are never
//     averaged. Where a trial is too short for a quantile, the histograms of all
//     blocks are merged by adding counts, and the column says so; where even that
//     is too little, the cell says n/a and why.
//   - A comparison is of pairs, the two trials of one block, by results/stat. Its
//     interval is shown as it is; whether it may be called a difference is decided
//     over all comparisons that were declared beforehand, together, and only where
//     the blocks are enough. If the duplicate of the baseline differs from it,
//     nothing is called one.
//   - Every scheduled arrival is ranked. A quantile that falls among those that
//     did not end ok is "> timeout", never left out.
//   - Trials that the harness itself calls invalid, or that could not be
//     completed, are left out of every summary and comparison, and counted where
//     they are.
//   - Nothing here reads a clock, the network or the environment: the same run
//     gives the same bytes.
package report
