package fault

import "authbench/scenarios/testbed"

func killEmpty() Fault {
	return Fault{
		Name: "kill-empty", Summary: "the store is killed and comes back empty, as one without persistence does",
		Class: OfProcess, Stores: redisOnly(), Unreachable: true, DataLoss: true,
		New: func(Params) (Injector, error) {
			return &killed{back: back{restart: (*testbed.Store).RestartEmpty}}, nil
		},
	}
}
