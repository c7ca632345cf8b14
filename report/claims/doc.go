// Package claims holds what published articles say of tokens and sessions against
// what runs have shown. Every claim gets a finding: supported, contradicted, it
// depends (and on what), or not measured (and why, and what would measure it).
//
// Its stance: a finding stands on trial data of the runs it was given, and cites
// them. What a contract declares, what a standard says and what everybody knows are
// not measurements. Noise supports nothing. A run that may not name a winner (quick,
// a red light, a stand-in store, an invalid trial) decides no claim either.
//
// The claims are in claims.tsv, in our words; the articles in articles.tsv. A judge
// is a function in the file of its subject, and a line in judges.
package claims
