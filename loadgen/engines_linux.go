package loadgen

func platformEngines() []Engine { return nil }
