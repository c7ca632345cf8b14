package scenarios

import (
	"strings"

	"authbench/scenarios/testbed"
)

// right is what a node needs of a store, and which part of it nobody can be logged
// out without.
type right struct{ all, revoke string }

// rightsOf is the least that an arm with these settings needs of a store of that
// kind: the commands of an ACL for its keys, or the privileges on its database. The
// table is also in docs/stores.md.
func rightsOf(kind string, set map[string]string) right {
	if kind == testbed.MySQL {
		return right{"SELECT, INSERT, UPDATE, DELETE, CREATE", "DELETE"}
	}
	r := redisRights(set)
	r.all = "+ping " + r.all
	if wait := set["redis_wait"]; wait != "" && wait != "0" {
		r.all += " +wait"
	}
	return r
}

func redisRights(set map[string]string) right {
	const list = "+evalsha +eval +hsetnx +hget +hincrby +hset +hdel +time +zadd +zrange +zrem +zrangebyscore +xadd +xrevrange +info"
	const logins = "+evalsha +eval +exists +hset +hmget +time +pttl +pexpire +zadd +zrem +zrange +zremrangebyscore +del"
	switch {
	case set["store"] == "redis":
		return right{"+get +set +exists +evalsha +eval +time +pttl +pexpire +zadd +zrem +zrange +zremrangebyscore +del", "+del"}
	case set["store"] == "redis+mysql":
		return right{"+get +mget +set +evalsha +eval +info +del", "+del"}
	case set["mechanism"] == "hybrid", set["revocation"] == "families":
		return right{logins, "+del"}
	}
	switch set["revocation"] {
	case "denylist":
		return right{"+get +mget +set", "+set"}
	case "epoch":
		return right{"+get +set +evalsha +eval", "+set"}
	case "epoch-local":
		return right{list, "+xadd"}
	case "push":
		return right{list + " +xread", "+xadd"}
	}
	return right{"+@all", "+@all"} // somebody else's program
}

// crippled is all but what it takes to log somebody out.
func (r right) crippled() string {
	sep := " "
	if strings.Contains(r.all, ", ") {
		sep = ", "
	}
	var left []string
	for _, one := range strings.Split(r.all, sep) {
		if one != r.revoke {
			left = append(left, one)
		}
	}
	return strings.Join(left, sep)
}
