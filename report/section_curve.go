package report

func curveSection(v *view) any {
	if v.Cost == nil {
		return nil
	}
	if c := curves(v.Board); c != nil {
		return c
	}
	return nil // not a nil *chart, which would be something
}
