package fault

import "authbench/scenarios/testbed"

// All lists every fault, in the order in which they are told.
func All() []Fault {
	return []Fault{
		delay(),
		slowReply(),
		bandwidth(),
		blackhole(),
		blackholeUp(),
		blackholeDown(),
		refuse(),
		connectHang(),
		reset(),
		truncate(),
		flap(),

		kill(),
		killEmpty(),
		restoreOld(),
		stop(),

		oom(),
		evictLRU(),
		evictVolatile(),
		flushAll(),
		clientPause(),
		redisReadonly(),
		maxClients(),
		mysqlReadonly(),
		mysqlLock(),
		mysqlMaxConnections(),
	}
}

// ByName finds one of All.
func ByName(name string) (Fault, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

func both() []string      { return []string{testbed.Redis, testbed.MySQL} }
func redisOnly() []string { return []string{testbed.Redis} }
func mysqlOnly() []string { return []string{testbed.MySQL} }
