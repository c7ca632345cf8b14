package loadgen

// platformEngines returns the engines that only this platform has.
func platformEngines() []Engine { return []Engine{Epoll{}} }
