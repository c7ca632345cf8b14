// Package decide turns requirements and runs into a decision that can be signed,
// or into the statement that there is none yet.
//
// # Stance
//
//   - Hard requirements come first. An arm is left out by what was measured of it,
//     with run, block and figure, or by what it declares where the question is what
//     it promises. A measurement that is missing is "not shown", never a pass, and
//     the command that would make it stands beside it.
//   - What is left is ranked by the weighted geometric mean of its ratios to the
//     baseline (Bridgman, Dimensional Analysis, 1922; the weighted product model).
//     A weight is an exponent: with cpu at 2 and latency at 1, twice the CPU is as
//     bad as four times the latency. Unlike scores between 0 and 1 it does not
//     change the order of two arms when a third is added.
//   - The mean is taken block by block, and blocks are compared in pairs, as
//     results/stat does it: what criteria have in common stays in, and the interval
//     is exact. The best arm is compared with each of the others, by Holm. That is
//     enough although the best was chosen by the same data: to be named wrongly, an
//     arm has to beat the truly best one, and of the others there are as many as
//     there are comparisons.
//   - "Too close to call" is an answer. So is "no decision can be signed on this
//     run": a run that accuses itself, or that promised to name no winner, gets no
//     recommendation, only what its arms exclude themselves by.
//   - What was not measured is in the decision, by name.
//   - Nothing here reads a clock, the network or the environment: the same inputs
//     give the same bytes.
package decide
