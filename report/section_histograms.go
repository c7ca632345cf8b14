package report

func histogramsSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	if c := histograms(v.Board); c != nil {
		return c
	}
	return nil
}
