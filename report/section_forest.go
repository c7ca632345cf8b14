package report

import "authbench/report/evidence"

// forestPart is one metric: the picture, and what may be said of it.
type forestPart struct {
	Chart     *chart
	Sentences []string // none where nothing is judged
}

func forestSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	var parts []forestPart
	for _, m := range evidence.Primaries(v.Run.Profile) {
		c := forest(v.Board, m)
		if c == nil {
			continue
		}
		p := forestPart{Chart: c}
		for _, j := range v.Comparisons {
			if len(v.Cost.Judged) > 0 && j.Metric.Name == m.Name && j.Err == nil {
				p.Sentences = append(p.Sentences, j.Sentence)
			}
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil
	}
	return parts
}
