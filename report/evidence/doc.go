// Package evidence reads runs and says what they show of every arm: a number with
// its spread over trials, or the reason why there is none; a comparison with the
// baseline, and what may be said of it; how long revoked credentials went on, and
// what an outage did. Everything that is printed, drawn, decided or held against a
// claim is read from here, so that no two of them can say different things.
//
// Its stance is that of package report: the trial is the unit, invalid trials feed
// nothing, and what is missing has a reason.
package evidence
