package main

import (
	"authbench/targets/contract"
)

// ownFlag is how somebody says that a target on another machine is theirs.
const (
	ownFlag  = "i-own-this-target"
	ownUsage = "allow a target that is not on this machine"
)

// mayReach refuses a host that is not this machine, unless its owner asks. what is what
// would be done to it.
func mayReach(host string, own bool, what string) error {
	if own || host == "" || contract.Loopback(host) {
		return nil
	}
	return usageError("%s is not on this machine: %s; with --%s it will", host, what, ownFlag)
}

// mayReachAll is mayReach for every target that is reached, not started.
func mayReachAll(cs []*contract.Contract, own bool, what string) error {
	for _, c := range cs {
		if err := mayReach(c.Remote(), own, c.Name+": "+what); err != nil {
			return err
		}
	}
	return nil
}
