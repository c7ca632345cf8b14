package server

import (
	"testing"
	"time"

	"authbench/results"
	"authbench/targets/contract"
	"authbench/targets/store/storetest"
)

// TestArmsKeepTheirContracts walks every bundled arm: log in, use, refresh, log
// out, and what it promises about that.
func TestArmsKeepTheirContracts(t *testing.T) {
	redis, mysql := storetest.StartRedis(t), storetest.StartMySQL(t)
	for _, name := range contract.Arms() {
		t.Run(name, func(t *testing.T) { // one after the other: they share users and stores
			c, err := contract.Arm(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			n := startNode(t, with(c.Settings, "users", "100"), func(o *Options) { o.RedisURL, o.MySQLDSN = redis.URL, mysql.DSN })
			n.untilReady()
			client, err := contract.NewClient(c, "http://"+n.addr, 20*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			report, err := contract.Walk(t.Context(), client, contract.WalkOptions{MaxWait: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range report.Checks {
				if check.Verdict == results.Fail || check.Verdict == results.Unknown {
					t.Errorf("%+v", check)
				}
			}
			steps(t, c, client)
		})
	}
}

// steps does the steps that the walk leaves out, as the contract has them.
func steps(t *testing.T, c *contract.Contract, client *contract.Client) {
	t.Helper()
	if c.Password == nil || c.StepUp == nil {
		return
	}
	do := func(what string, step *contract.Step, vars contract.Vars) contract.Vars {
		t.Helper()
		a, err := client.Do(t.Context(), step, vars)
		if err != nil || a.Outcome != results.OK {
			t.Fatalf("%s: %+v, %v", what, a, err)
		}
		return a.Vars
	}
	vars := do("log in", &c.Login, c.User(7))
	old := vars["credential"]
	vars = do("step up", c.StepUp, vars)
	if vars["credential"] == old {
		t.Error("a step-up left the credential as it was")
	}
	do("use", &c.Use, vars)
	old = vars["credential"]
	vars = do("password", c.Password, vars.With(contract.Vars{"new_password": `ne"w`}))
	if vars["credential"] == old {
		t.Error("a new password left the credential as it was")
	}
	do("use", &c.Use, vars)
	do("log in with it", &c.Login, c.User(7).With(contract.Vars{"password": `ne"w`}))
}
